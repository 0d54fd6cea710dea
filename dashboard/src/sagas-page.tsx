import type { SagaKindRow } from '../../src/http/contract'
import { formatSpan } from './format'
import { showAmount } from './keys-table'
import { OneSaga } from './one-saga'
import { SagasList } from './sagas-list'
import { sagaFailure, sagaOutcome, sagas, sagasReadAt } from './sagas-state'
import { Verdict } from './verdict'
import { TableHead } from './table-head'
import { Notices } from './notices'
import { WorkersPanel } from './workers-panel'

export { startSagas } from './sagas-state'

export function SagasPage() {
  const document = sagas.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={sagasReadAt.value} />
      <Notices outcome={sagaOutcome.value} failure={sagaFailure.value} comesIntoView />
      {document?.isConnected === true && (
        <>
          <SagasList document={document} />
          <OneSaga />
          <Kinds kinds={document.kinds} />
          <WorkersPanel
            workers={document.workers}
            madeBy="sagas.work()"
            describe={({ sagas: amount }) => `has ${showAmount(amount)} in its hands, `}
          />
        </>
      )}
    </>
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
        <TableHead columns={columns} />
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
