import { useState } from 'preact/hooks'
import type { SagaDocument } from '../../src/http/contract'
import { actOn, openSaga, showPayloads } from './sagas-state'

/** What a person may do about it now. The reason is kept with the saga. */
export function SagaActions({ saga }: { saga: SagaDocument }) {
  const [reason, setReason] = useState('')
  const { id, state, finishedAt, isPivoted, isUndoing, isCancelling } = saga
  const mayCancel = finishedAt === null && !isPivoted && !isUndoing && !isCancelling
  const mayRetry = state === 'stuck'
  return (
    <div class="actions">
      {(mayCancel || mayRetry) && (
        <input
          class="reason-field"
          aria-label="Reason"
          placeholder="Reason (kept with the saga)"
          maxLength={500}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      )}
      {mayRetry && (
        <button type="button" class="quiet strong" onClick={() => void actOn('retry', { id, reason })}>
          Retry
        </button>
      )}
      {mayCancel && <Cancel onSure={() => void actOn('cancel', { id, reason })} />}
      {!saga.hasPayloads && (
        <button type="button" class="quiet" onClick={showPayloads}>
          Show inputs and outputs
        </button>
      )}
      <button type="button" class="quiet" onClick={() => openSaga('')}>
        Close
      </button>
    </div>
  )
}

function Cancel({ onSure }: { onSure: () => void }) {
  const [isSure, askAgain] = useState(false)
  return (
    <button
      type="button"
      class="quiet"
      onClick={({ detail }) => {
        // The second click of a double click is no second thought.
        if (!isSure) askAgain(true)
        else if (detail < 2) onSure()
      }}
    >
      {isSure ? 'Cancel it: undo all it did' : 'Cancel saga'}
    </button>
  )
}

/** For good: it wants a reason, and a second press. */
export function SkipUndo({ id, step }: { id: string; step: string }) {
  const [reason, setReason] = useState<string | null>(null)
  if (reason === null)
    return (
      <button type="button" class="quiet" onClick={() => setReason('')} aria-label={`Skip the undo of ${step}…`}>
        Skip this undo…
      </button>
    )
  const isReady = reason.trim() !== ''
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault()
        if (isReady) void actOn('skip', { id, step, reason })
      }}
    >
      <input
        class="reason-field"
        aria-label={`Reason to skip the undo of ${step}`}
        placeholder="What was done by hand instead"
        maxLength={500}
        required
        ref={(field) => {
          if (reason === '') field?.focus()
        }}
        value={reason}
        onInput={(event) => setReason(event.currentTarget.value)}
      />
      <button class="quiet strong" disabled={!isReady}>
        Skip it for good
      </button>
      <button type="button" class="quiet" onClick={() => setReason(null)}>
        Leave it
      </button>
    </form>
  )
}
