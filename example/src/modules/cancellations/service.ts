import type { Db } from 'holdfast'
import type { Idempotency } from 'holdfast/idempotency'
import type { SagaDefinition, Sagas } from 'holdfast/sagas'
import { findEvent } from '../events/repository.js'
import { eventNotFound } from '../events/model.js'
import { cancellationId, cancellationNotFound, viewCancellation, type CancellationView } from './model.js'
import type { EventReference } from './saga.js'

export interface CancellationsServiceOptions {
  db: Db
  idempotency: Idempotency
  sagas: Sagas
  cancelEvent: SagaDefinition<EventReference, { refunds: number }>
}

export interface CancellationsService {
  /** Cancels an event and refunds its orders, once however often it is called. @throws BOX_EVENT_NOT_FOUND, HF_IDEMPOTENCY_… */
  cancelEvent(key: string, eventId: string): Promise<CancellationView>
  /** @throws BOX_CANCELLATION_NOT_FOUND */
  getCancellation(eventId: string): Promise<CancellationView>
}

export function createCancellationsService(options: CancellationsServiceOptions): CancellationsService {
  const { db, idempotency, sagas, cancelEvent: saga } = options

  async function cancelEvent(key: string, eventId: string): Promise<CancellationView> {
    if (!(await findEvent(db, eventId))) throw eventNotFound(eventId)
    const call = { scope: 'POST /events/:id/cancel', key, input: { eventId } }
    await idempotency.run(call, async (tx) => {
      const { id } = await sagas.start(tx, saga, { eventId }, { id: cancellationId(eventId) })
      return id
    })
    return await getCancellation(eventId)
  }

  async function getCancellation(eventId: string): Promise<CancellationView> {
    const status = await sagas.get(cancellationId(eventId))
    if (!status) throw cancellationNotFound(eventId)
    return viewCancellation(eventId, status)
  }

  return { cancelEvent, getCancellation }
}
