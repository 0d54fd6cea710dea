import type { SagaDocument, SagaErrorRow, SagaPayload, SagaStepRow } from '../../src/http/contract'
import { formatMoment, formatMs, formatSpan, joinFigure } from './format'
import { SkipUndo } from './saga-actions'
import { findGaps, findTurn, layTimeLine, tookMs, type Gaps, type TimeLine } from './saga-time'

/** Forward on the left, downwards; what takes it back on the right, upwards: each beside the other. */
export function SagaSteps({ saga }: { saga: SagaDocument }) {
  const { steps } = saga
  if (steps.length === 0) return <p class="note">No step has begun yet.</p>
  const [line, gaps, turn] = [layTimeLine(saga), findGaps(saga), findTurn(saga)]
  const goesBack = saga.isUndoing || steps.some(({ undo }) => undo !== null)
  return (
    <div class={goesBack ? '' : 'only-forth'}>
      <div class="step step-head" aria-hidden="true">
        <span>Forward ↓</span>
        {goesBack && <span>Compensation ↑</span>}
      </div>
      {(steps[0]?.seq ?? 1) > 1 && <p class="note">Only the last {steps.length} steps are shown.</p>}
      <ol class="steps" aria-label="Steps">
        {steps.map((step, i) => (
          <Step
            key={step.seq}
            step={step}
            saga={saga}
            line={line}
            gaps={gaps[i] ?? { forward: 0, back: 0 }}
            goesBack={goesBack}
          />
        ))}
      </ol>
      {turn > 0 && (
        <p class="step gap">
          <span />
          <span>⋮ undoing began {formatSpan(turn)} later</span>
        </p>
      )}
    </div>
  )
}

interface StepProps {
  step: SagaStepRow
  saga: SagaDocument
  line: TimeLine
  gaps: Gaps
  goesBack: boolean
}

function Step({ step, saga, line, gaps, goesBack }: StepProps) {
  return (
    <li>
      {gaps.forward > 0 && (
        <p class="step gap">
          <span>⋮ nothing for {formatSpan(gaps.forward)}</span>
          <span />
        </p>
      )}
      <div class={`step step-${outcomeOf(step, saga)}`}>
        <div class="forth">
          <p class="step-line">
            <span class="seq">{step.seq}</span>
            <span class="step-name">{step.name}</span>
            <span class="note">{step.kind}</span>
            <Outcome step={step} saga={saga} />
          </p>
          <Bar step={step} saga={saga} line={line} />
          <ErrorLine error={step.error ?? stuckHere(step, saga)} />
          <Payload payload={step.output} label={`Output of ${step.name}`} />
        </div>
        {goesBack && <Back step={step} saga={saga} gap={gaps.back} />}
      </div>
    </li>
  )
}

const words = { done: 'done', failed: 'failed', refused: 'refused', unknown: 'outcome unknown' } as const

function outcomeOf({ outcome }: SagaStepRow, { state }: SagaDocument): string {
  return outcome ?? (state === 'stuck' ? 'stuck' : 'doing')
}

/** The reason stands with the saga, because its step has not ended. */
function stuckHere({ name, outcome }: SagaStepRow, { state, error }: SagaDocument): SagaErrorRow | null {
  return outcome === null && state === 'stuck' && error?.step === name ? error : null
}

function Outcome({ step, saga }: { step: SagaStepRow; saga: SagaDocument }) {
  const { outcome, attempts, kind } = step
  const took = showTook(tookMs(step, saga.nowAt))
  const tries = attempts > 1 && <span class="note">{attempts} attempts</span>
  if (outcome !== null)
    return (
      <span class="step-how">
        {tries}
        <span class={outcome === 'done' ? 'note' : 'state state-dead'}>{words[outcome]}</span>
        <span class="note started">{formatMoment(step.startedAt)}</span>
        <span class="took">{kind === 'pivot' ? '' : took}</span>
      </span>
    )
  if (saga.state === 'stuck')
    return (
      <span class="step-how">
        {tries}
        <span class="state state-dead">stuck here</span>
      </span>
    )
  return (
    <span class="step-how">
      {tries}
      <span class="state state-running">{kind === 'wait' || kind === 'sleep' ? `${kind}s` : 'under way'}</span>
      {step.until !== null && <span class="note">until {formatMoment(step.until)}</span>}
      <span class="took">{took}</span>
    </span>
  )
}

function Bar({ step, saga, line }: Pick<StepProps, 'step' | 'saga' | 'line'>) {
  const [from, to] = [line.place(step.startedAt), line.place(step.endedAt ?? saga.nowAt)]
  // Never thinner than what can be seen.
  const x = Math.min(from, 99.4)
  return (
    <svg class="time-line" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      {line.folds.map((fold) => (
        <rect key={fold.from} class="fold" x={fold.from} y="0" width={fold.to - fold.from} height="4" />
      ))}
      <rect class="span" x={x} y="0" width={Math.max(to - x, 0.6)} height="4" />
    </svg>
  )
}

function Back({ step, saga, gap }: { step: SagaStepRow; saga: SagaDocument; gap: number }) {
  const { undo, isToUndo } = step
  if (undo === null) return <div class="back back-none">{isToUndo ? <ToUndo saga={saga} /> : <span>–</span>}</div>
  return (
    <div class={`back back-${undo.state}`}>
      <p class="step-line">
        <span class="step-name">{undoWords[undo.state]}</span>
        <span class="step-how">
          {undo.attempts > 1 && <span class="note">{undo.attempts} attempts</span>}
          {undo.at !== null && <span class="took">{formatMoment(undo.at)}</span>}
        </span>
      </p>
      {gap > 0 && <p class="gap">⋮ {formatSpan(gap)} after the one below</p>}
      <ErrorLine error={undo.error} />
      {undo.state === 'failing' && saga.state === 'stuck' && <SkipUndo id={saga.id} step={step.name} />}
    </div>
  )
}

const undoWords = { done: 'undone', skipped: 'skipped by a person', failing: 'undo fails' } as const

function ToUndo({ saga: { state } }: { saga: SagaDocument }) {
  return (
    <span class="note">{state === 'stuck' ? 'held up; undone if it has an undo' : 'to come, if it has an undo'}</span>
  )
}

export function ErrorLine({ error }: { error: SagaErrorRow | null }) {
  if (error === null) return null
  return (
    <p class="step-error">
      <code>{error.name}</code> {error.message}
    </p>
  )
}

export function Payload({ payload, label }: { payload: SagaPayload | null; label: string }) {
  if (payload === null) return null
  return (
    <pre class="payload" tabIndex={0} aria-label={label}>
      <code>{payload.text}</code>
      {payload.isCut && <span class="note"> … cut after 2,000 characters</span>}
    </pre>
  )
}

export function showTook(ms: number): string {
  return ms < 10_000 ? joinFigure(formatMs(ms)) : formatSpan(ms)
}
