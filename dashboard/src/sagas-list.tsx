import type { SagaListing, SagaRow, SagasDocument } from '../../src/http/contract'
import { formatMoment, formatSpan } from './format'
import { openSaga, showListing } from './sagas-state'
import { sagaId, sagaListings, sagaName, sagaState } from './view-state'
import { Opener } from './opener'
import { TableHead } from './table-head'

const labels: Readonly<Record<SagaListing, string>> = {
  failing: 'what fails',
  stuck: 'stuck',
  compensating: 'being undone',
  overdue: 'overdue',
  running: 'running',
  waiting: 'waiting',
  done: 'done',
  compensated: 'undone',
}

export function SagasList({ document }: { document: SagasDocument }) {
  const { sagas, isMore } = document
  return (
    <section class="panel routes sagas" aria-labelledby="sagas-title">
      <header>
        <h2 id="sagas-title">{sagaState.value === 'failing' ? 'What fails' : `Sagas: ${labels[sagaState.value]}`}</h2>
        <p class="note">{describe(sagas.length)}</p>
      </header>
      <Filter document={document} />
      {sagas.length > 0 && <Table sagas={sagas} />}
      {isMore && <p class="note">The first {sagas.length}; there are more.</p>}
    </section>
  )
}

function describe(amount: number): string {
  const state = sagaState.value
  if (amount === 0) return state === 'failing' ? 'None is stuck, being undone or overdue.' : 'None.'
  if (state === 'failing') return 'Stuck, then being undone, then overdue: due, and nobody has taken them.'
  return state === 'waiting' || state === 'overdue' ? 'Those due first.' : 'Newest first.'
}

function Filter({ document: { kinds } }: { document: SagasDocument }) {
  const names = [...new Set(kinds.map(({ name }) => name))]
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault()
        const field = event.currentTarget.elements.namedItem('id')
        if (field instanceof HTMLInputElement && field.value.trim() !== '') openSaga(field.value)
      }}
    >
      <label for="saga-state">Show</label>
      <select
        id="saga-state"
        value={sagaState.value}
        onChange={(event) => showListing(event.currentTarget.value as SagaListing, sagaName.value)}
      >
        {sagaListings.map((state) => (
          <option key={state} value={state}>
            {labels[state]}
          </option>
        ))}
      </select>
      <label for="saga-name">of</label>
      <select
        id="saga-name"
        value={sagaName.value}
        onChange={(event) => showListing(sagaState.value, event.currentTarget.value)}
      >
        <option value="">all</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <label for="saga-id">or by its id</label>
      <input id="saga-id" name="id" spellcheck={false} autocomplete="off" />
      <button class="quiet">Open</button>
    </form>
  )
}

function Table({ sagas }: { sagas: readonly SagaRow[] }) {
  return (
    <table role="table">
      <TableHead columns={['Saga', 'Kind', 'State', 'Started']} />
      <tbody role="rowgroup">
        {sagas.map((saga) => (
          <Row key={saga.id} saga={saga} />
        ))}
      </tbody>
    </table>
  )
}

function Row({ saga }: { saga: SagaRow }) {
  const { id, name, version, startedAt } = saga
  const isOpen = sagaId.value === id
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <Opener label={id} isOpen={isOpen} onToggle={() => openSaga(isOpen ? '' : id)} />
        <Reason saga={saga} />
      </th>
      <td role="cell" data-label="Kind">
        {name} v{version}
      </td>
      <td role="cell" data-label="State">
        <SagaState saga={saga} />
      </td>
      <td role="cell" data-label="Started">
        {formatMoment(startedAt)}
      </td>
    </tr>
  )
}

/** In one line, whatever fails first. */
function Reason({ saga: { failing, error, doing, dueMs } }: { saga: SagaRow }) {
  const shown = failing?.error ?? error
  const step = failing?.step ?? error?.step
  const first = doing[0]
  if (shown === null && first === undefined) return null
  return (
    <p class="reason">
      {failing !== null && 'undo of '}
      {step !== undefined && `${step}: `}
      {shown !== null && (
        <>
          <code>{shown.name}</code> {shown.message}
        </>
      )}
      {shown === null && first !== undefined && (
        <>
          {first.kind === 'wait' ? 'waits for the signal ' : first.kind === 'sleep' ? 'sleeps ' : ''}
          {first.name}
          {doing.length > 1 && ` and ${doing.length - 1} more`}
          {(dueMs ?? 0) < 0 && `, until ${formatMoment(first.until)}`}
        </>
      )}
    </p>
  )
}

const styles: Partial<Record<SagaRow['state'], string>> = {
  stuck: 'state-dead',
  compensating: 'state-retry',
  running: 'state-running',
}

const words: Partial<Record<SagaRow['state'], string>> = { compensating: 'being undone', compensated: 'undone' }

export function SagaState({ saga }: { saga: SagaRow }) {
  const { state, isUndoing, isPivoted, isCancelling, dueMs, owner } = saga
  const where = state !== 'stuck' ? '' : isUndoing ? ' in undoing' : isPivoted ? ' after pivot' : ''
  // It was started, or its process is gone, and no other one has taken it.
  const isDue = state === 'running' && owner === null
  return (
    <>
      <span class={`state ${isDue ? 'state-retry' : (styles[state] ?? '')}`}>
        {isDue ? 'due' : (words[state] ?? state)}
        {where}
      </span>
      {isCancelling && <span class="state state-paused"> cancelling</span>}
      {(dueMs ?? 0) > 5_000 && (
        <span class="overdue">
          {isDue ? ' for' : ' due for'} {formatSpan(dueMs ?? 0)}
        </span>
      )}
    </>
  )
}
