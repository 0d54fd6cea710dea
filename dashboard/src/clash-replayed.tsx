import type { ClashDetails } from '../../src/http/contract'
import { CopyButton } from './copy-button'
import { formatCount, formatMoment, formatMs, joinFigure } from './format'

/** What running both in many orders on a clone has shown, and the command that does it. */
export function ClashReplayed({ clash }: { clash: ClashDetails }) {
  const { replay, replayed, id } = clash
  const command = `holdfast clash replay ${id} --app "<command>"`
  return (
    <section aria-labelledby="clash-replay">
      <h3 id="clash-replay">Replay</h3>
      {replayed === null ? (
        <p class="note">
          Nobody has replayed this pair. On a clone of the database it runs both requests in every order that counts,
          and tells whether one of them ends wrong.
        </p>
      ) : (
        <Shown verdict={replay ?? 'none found'} replayed={replayed} />
      )}
      <div class="copyable clash-command">
        <pre tabIndex={0} aria-label="Command">
          {command}
        </pre>
        <CopyButton text={command} what="the command that replays it" />
      </div>
    </section>
  )
}

type Replayed = NonNullable<ClashDetails['replayed']>

function Shown({ verdict, replayed }: { verdict: 'clash' | 'none found'; replayed: Replayed }) {
  const { reason, diagram, schedules, ms, at, fix } = replayed
  return (
    <>
      <p>
        <b>{verdict === 'clash' ? 'It collides.' : 'None found.'}</b> {reason}
      </p>
      <p class="note">
        {joinFigure(formatCount(schedules))} orders in {joinFigure(formatMs(ms))}
        {at !== null && `, ${formatMoment(at) ?? ''}`}
      </p>
      {diagram !== '' && (
        <pre class="clash-diagram" tabIndex={0} aria-label="The schedule that fails">
          {diagram}
        </pre>
      )}
      {fix !== null && <Fix fix={fix} />}
    </>
  )
}

function Fix({ fix: { title, held, sql } }: { fix: NonNullable<Replayed['fix']> }) {
  return (
    <div class="clash-fix">
      <p>
        <b>{held ? 'This fix held' : 'This fix did not hold'}</b> in the same orders: {title}
      </p>
      {sql !== '' && (
        <div class="copyable">
          <pre tabIndex={0} aria-label="Fix">
            {sql}
          </pre>
          <CopyButton text={sql} what="the fix" />
        </div>
      )}
    </div>
  )
}
