import { useEffect } from 'preact/hooks'
import type { SagaKindRow } from '../../src/http/contract'
import { formatSpan } from './format'
import { showAmount } from './keys-table'
import { OneSaga } from './one-saga'
import { SagasList } from './sagas-list'
import { sagaFailure, sagaOutcome, sagas, sagasReadAt } from './sagas-state'
import { Verdict } from './verdict'

export function SagasPage() {
  const document = sagas.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={sagasReadAt.value} />
      <Notices />
      {document?.isConnected === true && (
        <>
          <SagasList document={document} />
          <OneSaga />
          <Kinds kinds={document.kinds} />
          <Workers />
        </>
      )}
    </>
  )
}

/** What the last action did, and what could not be done. Always there, so that a screen reader hears it change. */
function Notices() {
  const failure = sagaFailure.value
  useEffect(() => {
    if (failure !== '') document.getElementById('saga-failure')?.scrollIntoView({ block: 'nearest' })
  }, [failure])
  return (
    <div class="notices">
      <p class="notice" role="status">
        {sagaOutcome.value}
      </p>
      <p class="notice notice-failure" role="alert" id="saga-failure">
        {failure}
      </p>
    </div>
  )
}

const columns = ['Saga', 'Workers', 'Running', 'Due', 'Oldest due', 'Parked', 'Stuck'] as const

function Kinds({ kinds }: { kinds: readonly SagaKindRow[] }) {
  if (kinds.length === 0) return null
  return (
    <section class="panel routes kinds" aria-labelledby="kinds-title">
      <header>
        <h2 id="kinds-title">Kinds and versions</h2>
        <p class="note">Of all processes together; nothing is counted further than 1,000.</p>
      </header>
      <table role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((label) => (
              <th role="columnheader" scope="col" key={label}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {kinds.map((kind) => (
            <Kind key={`${kind.version} ${kind.name}`} kind={kind} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Kind({ kind }: { kind: SagaKindRow }) {
  const { name, version, workers, running, due, oldestDueMs, parked, stuck, orphaned } = kind
  const isStranded = workers === 0 && due.count + parked.count + stuck.count + orphaned.count > 0
  return (
    <tr role="row" class={isStranded || stuck.count > 0 ? '' : 'idle'}>
      <th role="rowheader" scope="row">
        <span class="route-name">
          {name} v{version}
        </span>{' '}
        {isStranded && <span class="state state-dead">no code</span>}
      </th>
      <td role="cell" data-label="Workers">
        {workers}
      </td>
      <td role="cell" data-label="Running">
        {showAmount(running)}
        {orphaned.count > 0 && <span class="note"> +{showAmount(orphaned)} of processes that are gone</span>}
      </td>
      <td role="cell" data-label="Due">
        {showAmount(due)}
      </td>
      <td role="cell" data-label="Oldest due">
        {oldestDueMs === null ? '–' : formatSpan(oldestDueMs)}
      </td>
      <td role="cell" data-label="Parked">
        {showAmount(parked)}
      </td>
      <td role="cell" data-label="Stuck">
        {stuck.count > 0 ? <span class="culprit">{showAmount(stuck)}</span> : 0}
      </td>
    </tr>
  )
}

function Workers() {
  const workers = sagas.value?.workers ?? []
  return (
    <section class="panel workers" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {workers.length === 0 && (
        <p class="note">
          None. A process becomes one with <code>sagas.work()</code>.
        </p>
      )}
      <ul>
        {workers.map((worker) => (
          <li key={worker.id}>
            <code>{worker.instance}</code>
            <span class={worker.isAlive ? 'state' : 'state state-lapsed'}>{worker.isAlive ? 'alive' : 'not seen'}</span>
            <span class="note">
              has {showAmount(worker.sagas)} in its hands, started {formatSpan(worker.upMs)} ago, seen{' '}
              {formatSpan(worker.seenMs)} ago
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
