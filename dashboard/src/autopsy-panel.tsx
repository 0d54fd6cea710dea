import { signal } from '@preact/signals'
import type { AutopsyDocument, AutopsySuspect } from '../../src/http/autopsy-contract'
import { formatMoment } from './format'
import { latencyRoute } from './view-state'

const words = { guilty: 'guilty', eliminated: 'not it', unknown: 'unknown' } as const
const signs = { guilty: '✗', eliminated: '✓', unknown: '?' } as const

const report = signal<AutopsyDocument | null>(null)
const state = signal<'none' | 'asking' | 'failed'>('none')

/** A day, also where less is shown: what is slow now may have begun before. */
async function findOut(): Promise<void> {
  state.value = 'asking'
  const query = new URLSearchParams({ window: '24h' })
  if (latencyRoute.peek() !== '') query.set('route', latencyRoute.peek())
  try {
    const answer = await fetch(`./api/autopsy?${query}`, {
      method: 'POST',
      headers: { 'x-holdfast-action': '1' },
      signal: AbortSignal.timeout(60_000),
    })
    if (answer.status === 401 || answer.status === 403) location.reload()
    if (!answer.ok) throw new Error(String(answer.status))
    report.value = (await answer.json()) as AutopsyDocument
    state.value = 'none'
  } catch {
    state.value = 'failed'
  }
}

/** Since when it is slower, who is to blame and who is not, what changed, and what helps. */
export function AutopsyPanel() {
  const found = report.value
  return (
    <section class="panel autopsy" aria-labelledby="autopsy-title">
      <header>
        <h2 id="autopsy-title">Why</h2>
        <p class="note">Of the last 24 hours: since when, which suspects the figures eliminate, what changed then.</p>
      </header>
      <div class="ask">
        <button type="button" class="quiet strong" disabled={state.value === 'asking'} onClick={() => void findOut()}>
          {state.value === 'asking' ? 'Looking…' : 'Find out why'}
        </button>
        {found !== null && (
          <button type="button" class="quiet" onClick={() => (report.value = null)}>
            Close
          </button>
        )}
        {state.value === 'failed' && <span role="alert">It could not be found out. Try again.</span>}
      </div>
      {found !== null && <Report found={found} />}
    </section>
  )
}

function Report({ found }: { found: AutopsyDocument }) {
  const { verdict, suspects, changes, fixes, refused, missing } = found
  return (
    <div role="status" aria-label="Report">
      <p>
        <b>{verdict.sentence}</b>
      </p>
      {suspects.length > 0 && <h3>Suspects</h3>}
      <ul class="suspects">
        {suspects.map((suspect) => (
          <Suspect key={suspect.suspect} suspect={suspect} />
        ))}
      </ul>
      {changes.length > 0 && <h3>What changed</h3>}
      <ul>
        {changes.map(({ at, sentence }) => (
          <li key={sentence}>
            {at !== null && `${formatMoment(at)}: `}
            {sentence}
          </li>
        ))}
      </ul>
      {fixes.length > 0 && <h3>What to do</h3>}
      <ol>
        {fixes.map(({ sentence, ddl, prove }) => (
          <li key={sentence}>
            {sentence} {ddl !== null && <code>{ddl}</code>}
            <p class="note">
              Shows it: <code>{prove}</code>
            </p>
          </li>
        ))}
      </ol>
      {refused.map((why) => (
        <p key={why} class="note">
          No index is advised: {why}
        </p>
      ))}
      {missing.length > 0 && <p class="note">Could not be read: {missing.join(', ')}.</p>}
    </div>
  )
}

function Suspect({ suspect: { suspect, verdict, sentence } }: { suspect: AutopsySuspect }) {
  return (
    <li class={`suspect-${verdict}`}>
      <span aria-hidden="true">{signs[verdict]} </span>
      <b>
        {suspect.replaceAll('-', ' ')}: {words[verdict]}.
      </b>{' '}
      {sentence}
    </li>
  )
}
