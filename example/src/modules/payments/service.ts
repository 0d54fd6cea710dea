import { setTimeout as delay } from 'node:timers/promises'
import { BoxError } from '../../utils/errors.js'
import type { Logger } from '../../utils/logger.js'
import type { Answer, PaymentsClient } from './client.js'
import {
  askAgain,
  chargeAnswer,
  paymentDeclined,
  paymentsRefused,
  paymentsSilent,
  paymentsUnreachable,
  refundAnswer,
  type ChargeReference,
  type Payment,
  type RefundOutcome,
} from './model.js'

const maxAttempts = 2
const pauseMs = 50

/**
 * Every call has one effect however often it is repeated under its key, and none waits inside a transaction. All throw
 * BOX_PAYMENTS_UNREACHABLE and BOX_PAYMENTS_SILENT, which the same call again may cure.
 */
export interface PaymentsService {
  /** Sets the money aside. @throws BOX_PAYMENT_DECLINED, BOX_PAYMENTS_REFUSED */
  authorise(payment: Payment, signal?: AbortSignal): Promise<{ chargeId: string }>
  /** Takes the money that was set aside. @throws BOX_PAYMENTS_REFUSED */
  capture(charge: ChargeReference, signal?: AbortSignal): Promise<void>
  /** Takes a payment back, whatever became of it: also of one that is still on its way. */
  voidPayment(key: string, payment: Payment, signal?: AbortSignal): Promise<void>
  /** Gives back the money of a customer who cancels. Does not throw: what an unknown outcome means is the caller's. */
  refund(charge: ChargeReference): Promise<RefundOutcome>
}

/** Did payments say that they did nothing, and never will? */
export function isRefusalOfPayments(error: unknown): boolean {
  return error instanceof BoxError && ['BOX_PAYMENT_DECLINED', 'BOX_PAYMENTS_REFUSED'].includes(error.code)
}

export function createPaymentsService({ client, logger }: { client: PaymentsClient; logger: Logger }): PaymentsService {
  /** An answer that proves something. @throws BOX_PAYMENTS_UNREACHABLE, BOX_PAYMENTS_SILENT */
  async function ask(path: string, key: string, body: object, signal?: AbortSignal) {
    const answer = await client.post(path, key, body, signal)
    if (answer.kind === 'refused') throw paymentsUnreachable()
    if (answer.kind === 'lost' || provesNothing(answer)) throw paymentsSilent()
    return answer
  }

  async function authorise({ key, reference, amount }: Payment, signal?: AbortSignal): Promise<{ chargeId: string }> {
    const { status, body } = await ask('/charges', key, { reference, ...amount }, signal)
    if (status === 402) throw paymentDeclined()
    if (status !== 201) throw paymentsRefused(status)
    return { chargeId: chargeAnswer.parse(body).id }
  }

  async function capture({ key, chargeId }: ChargeReference, signal?: AbortSignal): Promise<void> {
    const { status } = await ask(`/charges/${chargeId}/capture`, key, {}, signal)
    if (status !== 200) throw paymentsRefused(status)
  }

  async function voidPayment(key: string, { key: paymentKey, reference, amount }: Payment, signal?: AbortSignal) {
    const { status } = await ask('/voids', key, { paymentKey, reference, ...amount }, signal)
    if (status !== 200) throw paymentsRefused(status)
  }

  async function refund({ key, chargeId }: ChargeReference): Promise<RefundOutcome> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      if (attempt > 1) await delay(pauseMs)
      const outcome = readRefund(await client.post('/refunds', key, { chargeId }))
      if (outcome) return outcome
      logger.warn({ attempt, chargeId }, 'refund not answered')
    }
    return { kind: 'unknown' }
  }

  return { authorise, capture, voidPayment, refund }
}

/** Our own earlier request may still be at it: that it was not answered is no refusal. */
function provesNothing({ status, body }: Extract<Answer, { kind: 'answered' }>): boolean {
  return status >= 500 || askAgain.safeParse(body).success
}

function readRefund(answer: Answer): RefundOutcome | undefined {
  if (answer.kind !== 'answered' || provesNothing(answer)) return undefined
  const parsed = refundAnswer.safeParse(answer.body)
  return parsed.success ? { kind: 'refunded', refundId: parsed.data.id } : { kind: 'refused' }
}
