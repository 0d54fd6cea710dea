import { useState } from 'preact/hooks'
import type { DeadCountDocument, DeadJobRow } from '../../src/http/contract'
import { formatMoment } from './format'
import { dead, deadNext, jobs, lookUp, previewRedrive, redriveFound, redriveOne, searchDead } from './jobs-state'
import { deadContains, deadQueue } from './view-state'

export function DeadLetters() {
  const rows = dead.value
  return (
    <section class="panel routes dead" aria-labelledby="dead-title">
      <header>
        <h2 id="dead-title">Dead letters</h2>
        <p class="note">Newest first. Payloads stay in the database until you ask for one.</p>
      </header>
      <Search />
      {rows?.length === 0 && <p class="note">None{deadQueue.value || deadContains.value ? ' that match' : ''}.</p>}
      {rows !== null && rows.length > 0 && <Table rows={rows} />}
      {deadNext.value !== null && (
        <p class="more">
          <button type="button" class="quiet" onClick={() => void searchDead(deadNext.value ?? '')}>
            Show older ones
          </button>
        </p>
      )}
    </section>
  )
}

function Search() {
  const [preview, setPreview] = useState<DeadCountDocument | null>(null)
  const search = (): void => {
    setPreview(null)
    void searchDead()
  }
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault()
        search()
      }}
    >
      <label for="dead-queue">Queue</label>
      <select
        id="dead-queue"
        value={deadQueue.value}
        onChange={(event) => {
          deadQueue.value = event.currentTarget.value
          search()
        }}
      >
        <option value="">all</option>
        {jobs.value?.queues.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <label for="dead-contains">Payload contains</label>
      <input
        id="dead-contains"
        class="wide"
        value={deadContains.value}
        placeholder='{"to": "ada@example.com"}'
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => {
          deadContains.value = event.currentTarget.value
          setPreview(null)
        }}
      />
      <button class="quiet">Search</button>
      <Redrive preview={preview} setPreview={setPreview} />
    </form>
  )
}

interface RedriveProps {
  preview: DeadCountDocument | null
  setPreview: (preview: DeadCountDocument | null) => void
}

/** The first press counts what would be sent again, the second one does it. */
function Redrive({ preview, setPreview }: RedriveProps) {
  if (preview === null || preview.count === 0) {
    const look = async (): Promise<void> => setPreview((await previewRedrive()) ?? null)
    return (
      <>
        <button type="button" class="quiet" onClick={() => void look()}>
          Redrive all that match…
        </button>
        {preview !== null && <span class="note">None matches.</span>}
      </>
    )
  }
  const send = async (): Promise<void> => {
    setPreview(null)
    await redriveFound()
  }
  return (
    <>
      <button
        type="button"
        class="quiet strong"
        onClick={({ detail }) => {
          // The second click of a double click is no second thought.
          if (detail < 2) void send()
        }}
      >
        {describe(preview)}
      </button>
      <button type="button" class="quiet" onClick={() => setPreview(null)}>
        Leave them
      </button>
    </>
  )
}

function describe({ count, isMore }: DeadCountDocument): string {
  const amount = count.toLocaleString('en-US')
  if (isMore) return `Redrive the oldest ${amount} of more than ${amount}`
  return count === 1 ? 'Redrive this 1 job' : `Redrive these ${amount} jobs`
}

function Table({ rows }: { rows: readonly DeadJobRow[] }) {
  return (
    <table role="table">
      <thead role="rowgroup">
        <tr role="row">
          {['Last error', 'Queue', 'Id', 'Attempts', 'Died'].map((label) => (
            <th role="columnheader" scope="col" key={label}>
              {label}
            </th>
          ))}
          <th role="columnheader" scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <Row key={row.id} row={row} />
        ))}
      </tbody>
    </table>
  )
}

function Row({ row }: { row: DeadJobRow }) {
  const open = async (): Promise<void> => {
    await lookUp(row.id)
    document.getElementById('life-title')?.scrollIntoView({ block: 'start' })
    document.getElementById('job-id')?.focus()
  }
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <span class="dead-error">
          <code>{row.error?.name}</code> {row.error?.message}
        </span>
      </th>
      <td role="cell" data-label="Queue">
        {row.name}
      </td>
      <td role="cell" data-label="Id">
        {row.id}
      </td>
      <td role="cell" data-label="Attempts">
        {row.attempts}
      </td>
      <td role="cell" data-label="Died">
        {formatMoment(row.diedAt)}
      </td>
      <td role="cell" class="action">
        <button type="button" class="quiet" onClick={() => void open()} aria-label={`Look at job ${row.id}`}>
          Look
        </button>{' '}
        <button
          type="button"
          class="quiet"
          onClick={() => void redriveOne(row.id)}
          aria-label={`Redrive job ${row.id}`}
        >
          Redrive
        </button>
      </td>
    </tr>
  )
}
