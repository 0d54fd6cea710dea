import { useEffect, useRef } from 'preact/hooks'
import type { ClashDetails, ClashStepRow } from '../../src/http/contract'
import { clashes, openedClash } from './clash-state'
import { ClashReplayed } from './clash-replayed'
import { ClashTimeline } from './clash-timeline'
import { CopyButton } from './copy-button'
import { Place } from './finding-evidence'
import { formatCount, formatMs, formatMoment, joinFigure } from './format'
import { formatSql } from './format-sql'
import { SeverityLetter } from './marks'
import { clashId, linkTo } from './view-state'

/** The pair that is opened: what both send, what does not help, when they met, and what a replay has shown. */
export function OneClash() {
  const id = clashId.value
  if (id === '' || clashes.value === null) return null
  const opened = openedClash.value?.id === id ? openedClash.value : null
  return (
    <section class="panel one-query one-clash" aria-labelledby="one-clash-title">
      <header class="one-query-head">
        <h2 id="one-clash-title">{opened?.clash ? `${opened.clash.kind}: ${opened.clash.table}` : 'Pair'}</h2>
        <button type="button" class="quiet" onClick={() => (clashId.value = '')}>
          Close
        </button>
      </header>
      {opened === null && <p class="note">Asking…</p>}
      {opened?.clash === null && <p class="note">Nobody has seen this pair, or it has been forgotten.</p>}
      {opened?.clash && <Opened key={id} clash={opened.clash} />}
    </section>
  )
}

function Opened({ clash }: { clash: ClashDetails }) {
  const top = useRef<HTMLDivElement>(null)
  // It stands below the list, which may be long.
  useEffect(() => top.current?.parentElement?.scrollIntoView({ block: 'start' }), [])
  const { read, write, other, realOverlap } = clash
  const isOneStatement = read.statement === write.statement && read.site === write.site
  return (
    <div class="one-query-parts" ref={top}>
      <Summary clash={clash} />
      <section aria-labelledby="clash-steps">
        <h3 id="clash-steps">What they send</h3>
        <ol class="clash-steps">
          <Step what={isOneStatement ? 'Reads and writes' : 'Reads'} step={read} />
          {!isOneStatement && <Step what="Writes" step={write} />}
          <Step what="Comes in between" step={other} isOther />
        </ol>
      </section>
      <InVain clash={clash} />
      {realOverlap !== null && <ClashTimeline overlap={realOverlap} isKept={clash.protectedBy !== null} />}
      <ClashReplayed clash={clash} />
    </div>
  )
}

function Summary({ clash }: { clash: ClashDetails }) {
  const { read, meaning, protectedBy, severity, columns, overlaps, windowMs, requests, firstSeenAt, lastSeenAt } = clash
  return (
    <div>
      <p class="finding-sentence">
        <SeverityLetter severity={severity} />
        {protectedBy !== null && 'Without what keeps them apart: '}
        <span class="route-name">{read.route}</span> {meaning}.
      </p>
      <p class="note">
        {columns.length > 0 && (
          <>
            <span class="route-name">{columns.join(', ')}</span>
            {' · '}
          </>
        )}
        {overlaps === 0 ? 'not seen to meet' : `really met ${times(overlaps)}`} · open for up to{' '}
        {joinFigure(formatMs(windowMs))} · {joinFigure(formatCount(requests))} requests followed · since{' '}
        {formatMoment(firstSeenAt)}, last {formatMoment(lastSeenAt)}
      </p>
    </div>
  )
}

const times = (count: number): string => (count === 1 ? 'once' : `${joinFigure(formatCount(count))} times`)

function Step({ what, step, isOther = false }: { what: string; step: ClashStepRow; isOther?: boolean }) {
  const { route, text, site, statement } = step
  return (
    <li class={isOther ? 'clash-step clash-other' : 'clash-step'}>
      <p>
        <b>{what}</b> <span class="route-name">{route}</span>
      </p>
      {site !== '' && <Place text={site} />}
      <div class="copyable">
        <pre tabIndex={0} aria-label={`Statement: ${what.toLowerCase()}`}>
          {formatSql(text)}
        </pre>
        <CopyButton text={text} what="the statement" />
      </div>
      <p class="note">
        <a href={linkTo('./queries', { statement })}>its query and plans</a>
      </p>
    </li>
  )
}

/** What keeps them apart, or all that seems to. */
function InVain({ clash: { protectedBy, inVain, fix } }: { clash: ClashDetails }) {
  if (protectedBy !== null)
    return (
      <section aria-labelledby="clash-kept">
        <h3 id="clash-kept">What keeps them apart</h3>
        <p>{protectedBy}</p>
      </section>
    )
  return (
    <section aria-labelledby="clash-vain">
      <h3 id="clash-vain">Is there, and does not help</h3>
      {inVain.length === 0 ? (
        <p class="note">Nothing: no lock, no condition, no constraint.</p>
      ) : (
        <ul class="reasons">
          {inVain.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      )}
      <p>
        <b>What helps</b> {fix.split('`').map((part, n) => (n % 2 === 1 ? <code key={n}>{part}</code> : part))}
      </p>
    </section>
  )
}
