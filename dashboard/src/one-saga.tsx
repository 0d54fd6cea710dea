import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import type { SagaDocument } from '../../src/http/contract'
import { formatMoment } from './format'
import { SagaActions } from './saga-actions'
import { ErrorLine, Payload, SagaSteps, showTook } from './saga-steps'
import { SagaState } from './sagas-list'
import { opened } from './sagas-state'
import { sagaId } from './view-state'

export function OneSaga() {
  const saga = opened.value
  if (sagaId.value === '') return null
  return (
    <section class="panel life one-saga" id="one-saga" aria-labelledby="one-saga-title">
      <h2 id="one-saga-title">
        <code>{sagaId.value}</code>
      </h2>
      {saga?.id === sagaId.value && <Found key={saga.id} saga={saga} />}
    </section>
  )
}

function Found({ saga }: { saga: SagaDocument }) {
  // It stands below the list, which may be long.
  useEffect(() => document.getElementById('one-saga')?.scrollIntoView({ block: 'start' }), [])
  const { name, version, sentence, error, steps, input, output } = saga
  // A step shows its own error; the reason is repeated only where none does.
  const isShown = steps.some((step) => step.name === error?.step && (step.error !== null || step.outcome === null))
  return (
    <>
      <p class="found-sentence">
        <code>
          {name} v{version}
        </code>{' '}
        <SagaState saga={saga} /> {sentence}
      </p>
      <Facts saga={saga} />
      <SagaActions saga={saga} />
      {!isShown && error !== null && saga.finishedAt === null && <h3>Why it failed</h3>}
      {!isShown && saga.finishedAt === null && <ErrorLine error={error} />}
      {saga.hasPayloads && input === null && <p class="note">It was given no input.</p>}
      {input !== null && <h3>Input</h3>}
      <Payload payload={input} label="Input" />
      <SagaSteps saga={saga} />
      {output !== null && <h3>Output</h3>}
      <Payload payload={output} label="Output" />
      <History saga={saga} />
    </>
  )
}

function Facts({ saga: { startedAt, finishedAt, endsBy, nowAt, owner, doing } }: { saga: SagaDocument }) {
  const until = doing.flatMap((step) => step.until ?? [])
  return (
    <dl class="facts">
      <Fact label="Started">{formatMoment(startedAt)}</Fact>
      <Fact label="Ended">{formatMoment(finishedAt)}</Fact>
      <Fact label={finishedAt === null ? 'For' : 'Took'}>{showTook((finishedAt ?? nowAt) - startedAt)}</Fact>
      <Fact label="Waits until">
        {until.length === 0 || finishedAt !== null ? null : formatMoment(Math.min(...until))}
      </Fact>
      <Fact label="Must end by">{finishedAt === null ? formatMoment(endsBy) : null}</Fact>
      <Fact label="Process">{owner}</Fact>
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

const actionWords: Readonly<Record<string, string>> = {
  cancel: 'cancelled it',
  retry: 'retried it',
  'skip-undo': 'skipped the undo of',
}
const fates = { waiting: 'nobody has waited for it yet', taken: 'taken', 'set-aside': 'set aside: it does not fit' }

/** Signals and what people did, in their order. */
function History({ saga: { actions, signals } }: { saga: SagaDocument }) {
  const entries = [
    ...signals.map(({ event, sentAt, fate }) => ({ at: sentAt, what: `signal ${event}, ${fates[fate]}` })),
    ...actions.map(({ action, step, actor, reason, at }) => ({
      at,
      what: `${actor ?? 'Somebody'} ${actionWords[action] ?? action} ${step ?? ''}${reason === null ? '' : ` – ${reason}`}`,
    })),
  ].sort((a, b) => a.at - b.at)
  if (entries.length === 0) return null
  return (
    <>
      <h3>Signals and what people did</h3>
      <ol class="errors" aria-label="Signals and what people did">
        {entries.map(({ at, what }, i) => (
          <li key={i}>
            <span class="note">{formatMoment(at)}</span> {what}
          </li>
        ))}
      </ol>
    </>
  )
}
