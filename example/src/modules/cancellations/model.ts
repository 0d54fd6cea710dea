import type { SagaStatus } from 'holdfast/sagas'
import { BoxError } from '../../utils/errors.js'

/** The same for everybody who cancels the event: it is cancelled once. */
export const cancellationId = (eventId: string): string => `event:${eventId}:cancel`

export interface CancellationView {
  id: string
  eventId: string
  /** `running` and `waiting`: orders are still being refunded. */
  status: SagaStatus['state']
  startedAt: string
  finishedAt: string | null
}

export function viewCancellation(eventId: string, saga: SagaStatus): CancellationView {
  const { id, state, startedAt, finishedAt } = saga
  return {
    id,
    eventId,
    status: state,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  }
}

export function cancellationNotFound(eventId: string): BoxError {
  return new BoxError({
    code: 'BOX_CANCELLATION_NOT_FOUND',
    status: 404,
    message: `Event ${eventId} is not cancelled.`,
    fix: 'Cancel it with POST /events/:id/cancel.',
  })
}
