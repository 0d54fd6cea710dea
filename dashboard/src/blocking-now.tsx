import { signal } from '@preact/signals'
import type { FindingRow, FindingsDocument } from '../../src/http/contract'
import { isPlace } from './finding-evidence'
import { blockingKinds, nameKind } from './finding-kinds'
import { formatSpan } from './format'
import { FindingMark } from './marks'

/** As often as processes write what they saw. */
const everyMs = 10_000
const newestMs = 300_000
const mostShown = 3

const found = signal<readonly FindingRow[]>([])

/** Reads what was found to block, while somebody can see it. What the page itself shows comes by another way. */
export function startBlocking(): void {
  let timer = 0
  const ask = async () => {
    clearTimeout(timer)
    if (document.hidden) return
    found.value = await read().catch(() => found.value)
    timer = window.setTimeout(() => void ask(), everyMs)
  }
  document.addEventListener('visibilitychange', () => void ask())
  void ask()
}

async function read(): Promise<readonly FindingRow[]> {
  const answer = await fetch('./api/findings?window=15m')
  if (!answer.ok) throw new Error(String(answer.status))
  const { findings } = (await answer.json()) as FindingsDocument
  return findings.filter(
    ({ kind, severity, lastSeenAt }) =>
      blockingKinds.has(kind) && severity !== 'info' && Date.now() - lastSeenAt < newestMs,
  )
}

/** Whatever kept requests waiting in the last minutes, each with its line: below the verdict, as it says why. */
export function BlockingNow() {
  const rows = found.value
  if (rows.length === 0) return null
  return (
    <section class="panel findings blocking-now" aria-labelledby="blocking-now">
      <header>
        <h2 id="blocking-now">Kept requests waiting in the last 5 minutes</h2>
        <p class="note">
          <a href="./findings">All findings</a>
        </p>
      </header>
      <ul class="finding-list">
        {rows.slice(0, mostShown).map((row) => (
          <Row key={row.id} row={row} />
        ))}
      </ul>
      {rows.length > mostShown && <p class="note">And {rows.length - mostShown} more.</p>}
    </section>
  )
}

function Row({ row: { kind, severity, subject, route, sentence, fix, lastSeenAt } }: { row: FindingRow }) {
  return (
    <li class={`finding finding-${severity}`}>
      <p class="finding-sentence">
        <FindingMark severity={severity} />{' '}
        {route !== '' && !sentence.startsWith(route) && (
          <>
            <span class="route-name">{route}</span>:{' '}
          </>
        )}
        {sentence}
      </p>
      <p class="note">
        <a href={`./findings?${new URLSearchParams({ kind })}`}>{nameKind(kind)}</a>
        {isPlace(subject) && (
          <>
            {' · '}
            <code>{subject}</code>
          </>
        )}
        {' · '}last seen {formatSpan(Date.now() - lastSeenAt)} ago
      </p>
      {fix !== '' && (
        <p class="note">
          <b>Fix</b> {fix.split('`').map((part, n) => (n % 2 === 1 ? <code key={n}>{part}</code> : part))}
        </p>
      )}
    </li>
  )
}
