import type { FindingRow } from '../../src/http/contract'
import { CopyButton } from './copy-button'
import { FindingEvidence } from './finding-evidence'
import { nameKind } from './finding-kinds'
import { formatCount, formatMoment, joinFigure } from './format'
import { FindingMark } from './marks'
import { linkTo, type LatencyWindow } from './view-state'

interface Properties {
  finding: FindingRow
  /** Its statement is on the page already. */
  isOfOpened?: boolean
}

export function FindingItem({ finding, isOfOpened = false }: Properties) {
  const { kind, severity, statement, text, route, sentence, fix, prove } = finding
  return (
    <li class={`finding finding-${severity}`}>
      <p class="finding-sentence">
        <FindingMark severity={severity} /> {sentence}
      </p>
      <p class="note">
        <span class="state">{nameKind(kind)}</span> {describeSeen(finding)}
        {route !== '' && (
          <>
            {' · '}
            <span class="route-name">{route}</span>
          </>
        )}
        {!isOfOpened && statement !== '0' && text !== null && (
          <>
            {' · '}
            <a href={linkTo('./queries', { since: pickWindow(finding.firstSeenAt), statement })}>its query and plans</a>
          </>
        )}
      </p>
      <FindingEvidence finding={finding} />
      <dl class="finding-actions">
        <Line label="Fix" text={fix} what="the fix" />
        <Line label="Prove" text={prove} what="the command that proves it" isCode />
      </dl>
    </li>
  )
}

function Line({ label, text, what, isCode = false }: { label: string; text: string; what: string; isCode?: boolean }) {
  if (text === '') return null
  return (
    <div>
      <dt>{label}</dt>
      <dd>{isCode ? <code>{text}</code> : <WithCode text={text} />}</dd>
      <dd>
        <CopyButton text={text} what={what} />
      </dd>
    </div>
  )
}

function WithCode({ text }: { text: string }) {
  return <>{text.split('`').map((part, n) => (n % 2 === 1 ? <code key={n}>{part}</code> : part))}</>
}

function describeSeen({ seen, firstSeenAt, lastSeenAt }: FindingRow): string {
  const often = seen === 1 ? 'seen once' : `seen ${joinFigure(formatCount(seen))} times`
  const last = seen === 1 ? '' : `, last ${formatMoment(lastSeenAt) ?? ''}`
  return `since ${formatMoment(firstSeenAt) ?? ''} · ${often}${last}`
}

/** The shortest that shows when it began. */
function pickWindow(at: number): LatencyWindow {
  const ageMs = Date.now() - at
  return ageMs < 3_300_000 ? '1h' : ageMs < 82_800_000 ? '24h' : '7d'
}
