import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { JobLifeDocument } from '../../src/http/contract'
import { formatMoment } from './format'
import { cancel, life, lookUp, redriveOne } from './jobs-state'
import { jobId } from './view-state'

/** Where one job is, and why it waits. */
export function JobLife() {
  const found = life.value
  return (
    <section class="panel life" aria-labelledby="life-title">
      <h2 id="life-title">One job</h2>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault()
          const field = event.currentTarget.elements.namedItem('id')
          if (field instanceof HTMLInputElement) void lookUp(field.value)
        }}
      >
        <label for="job-id">Id</label>
        <input
          id="job-id"
          name="id"
          key={jobId.value}
          defaultValue={jobId.value}
          inputMode="numeric"
          autocomplete="off"
        />
        <button class="quiet">Look up</button>
      </form>
      {found === null ? (
        <p class="note">The id that send() gave, or one of the dead letters below: where it is, and why it waits.</p>
      ) : (
        <Found key={found.id} job={found} />
      )}
    </section>
  )
}

function Found({ job }: { job: JobLifeDocument }) {
  return (
    <div class="found" id="found">
      <p class="found-sentence">
        {job.name !== null && <code>{job.name}</code>} <span class={`state state-${job.place}`}>{job.place}</span>{' '}
        {job.sentence}
      </p>
      {job.waits.length > 0 && (
        <ul class="also" aria-label="Why it waits">
          {job.waits.map(({ code, sentence }) => (
            <li key={code}>{sentence}</li>
          ))}
        </ul>
      )}
      <Facts job={job} />
      <Errors job={job} />
      {job.payload !== undefined && (
        <pre class="payload" tabIndex={0} aria-label="Payload">
          <code>{format(job.payload.text)}</code>
          {job.payload.isCut && <p class="note">Only the first 20,000 characters are shown.</p>}
        </pre>
      )}
      <Actions job={job} />
    </div>
  )
}

function Facts({ job }: { job: JobLifeDocument }) {
  return (
    <dl class="facts">
      <Fact label="Sent">{formatMoment(job.sentAt)}</Fact>
      <Fact label="Not before">{formatMoment(job.runAt)}</Fact>
      <Fact label="Died">{formatMoment(job.diedAt)}</Fact>
      <Fact label="Claimed">{formatMoment(job.worker?.since ?? null)}</Fact>
      <Fact label="Priority">{job.priority}</Fact>
      <Fact label="Unique key">{job.uniqueKey}</Fact>
    </dl>
  )
}

function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  if (children === null) return null
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Errors({ job }: { job: JobLifeDocument }) {
  if (job.errors.length === 0) return null
  return (
    <ol class="errors" aria-label="Failed attempts">
      {job.errors.map((error, i) => (
        <li key={i}>
          <span class="note">
            attempt {error.attempt}, {formatMoment(Date.parse(error.at))}
          </span>{' '}
          <code>{error.name}</code> {error.message}
        </li>
      ))}
    </ol>
  )
}

function Actions({ job }: { job: JobLifeDocument }) {
  const [isSure, askAgain] = useState(false)
  if (job.place === 'unknown') return null
  const mayCancel = job.place !== 'dead'
  return (
    <p class="actions">
      {job.payload === undefined && (
        <button type="button" class="quiet" onClick={() => void lookUp(job.id, true)}>
          Show payload
        </button>
      )}
      {job.place === 'dead' && (
        <button type="button" class="quiet" onClick={() => void redriveOne(job.id)}>
          Redrive
        </button>
      )}
      {mayCancel && (
        <button
          type="button"
          class="quiet"
          onClick={({ detail }) => {
            // The second click of a double click is no second thought.
            if (!isSure) askAgain(true)
            else if (detail < 2) void cancel(job.id)
          }}
        >
          {isSure ? 'Cancel it for good' : 'Cancel job'}
        </button>
      )}
      <button type="button" class="quiet" onClick={() => void lookUp(job.id)}>
        Look again
      </button>
    </p>
  )
}

function format(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2)
  } catch {
    return json
  }
}
