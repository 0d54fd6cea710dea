import type { JobWorkerRow } from '../../src/http/contract'
import { formatSpan } from './format'

interface Properties<Row extends JobWorkerRow> {
  workers: readonly Row[]
  /** The call that makes one. */
  madeBy: string
  /** What comes before its times. */
  describe?: (worker: Row) => string
}

/** Processes that work, or did so a moment ago. */
export function WorkersPanel<Row extends JobWorkerRow>({ workers, madeBy, describe }: Properties<Row>) {
  return (
    <section class="panel workers" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {workers.length === 0 && (
        <p class="note">
          None. A process becomes one with <code>{madeBy}</code>.
        </p>
      )}
      <ul>
        {workers.map((worker) => (
          <li key={worker.id}>
            <code>{worker.instance}</code>
            <span class={worker.isAlive ? 'state' : 'state state-lapsed'}>{worker.isAlive ? 'alive' : 'not seen'}</span>
            <span class="note">
              {describe?.(worker)}started {formatSpan(worker.upMs)} ago, seen {formatSpan(worker.seenMs)} ago
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
