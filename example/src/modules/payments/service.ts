import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../utils/logger.js'
import type { Answer, PaymentsClient } from './client.js'
import {
  askAgain,
  chargeAnswer,
  refundAnswer,
  type ChargeOutcome,
  type ChargeRequest,
  type RefundOutcome,
  type RefundRequest,
} from './model.js'

const maxAttempts = 2
const pauseMs = 50

export interface PaymentsService {
  /** Charges once, however often it is called with the same key. Never inside a transaction: it waits for a network. */
  charge(request: ChargeRequest): Promise<ChargeOutcome>
  /** Asks what became of a charge, and changes nothing. */
  findCharge(key: string): Promise<ChargeOutcome>
  refund(request: RefundRequest): Promise<RefundOutcome>
}

export function createPaymentsService({ client, logger }: { client: PaymentsClient; logger: Logger }): PaymentsService {
  async function findCharge(key: string): Promise<ChargeOutcome> {
    const answer = await client.get(`/charges?key=${encodeURIComponent(key)}`)
    return readCharge(answer) ?? { kind: 'unknown' }
  }

  async function charge({ key, reference, amount }: ChargeRequest): Promise<ChargeOutcome> {
    let wasSent = false
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      if (attempt > 1) await delay(pauseMs)
      const answer = await client.post('/charges', key, { reference, ...amount })
      const outcome = readCharge(answer)
      if (outcome) return outcome
      if (answer.kind !== 'refused') wasSent = true
      logger.warn({ attempt, answer: answer.kind, reference }, 'charge not answered')
      // "Not found" decides nothing: the lost request may still be on its way. So only a found charge ends the asking.
      const asked = wasSent ? await findCharge(key) : { kind: 'unknown' as const }
      if (asked.kind !== 'unknown') return asked
    }
    return { kind: wasSent ? 'unknown' : 'unreachable' }
  }

  async function refund({ key, chargeId }: RefundRequest): Promise<RefundOutcome> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      if (attempt > 1) await delay(pauseMs)
      const outcome = readRefund(await client.post('/refunds', key, { chargeId }))
      if (outcome) return outcome
      logger.warn({ attempt, chargeId }, 'refund not answered')
    }
    return { kind: 'unknown' }
  }

  return { charge, findCharge, refund }
}

/** What an answer to POST or GET /charges proves, or undefined when it proves nothing (5xx, not found, lost). */
function readCharge(answer: Answer): ChargeOutcome | undefined {
  if (answer.kind !== 'answered') return undefined
  const parsed = chargeAnswer.safeParse(answer.body)
  if (!parsed.success) return undefined
  return { kind: parsed.data.status, chargeId: parsed.data.id }
}

function readRefund(answer: Answer): RefundOutcome | undefined {
  if (answer.kind !== 'answered' || answer.status >= 500) return undefined
  // Our own earlier request may still be at it: that it was not answered is no refusal.
  if (askAgain.safeParse(answer.body).success) return undefined
  const parsed = refundAnswer.safeParse(answer.body)
  return parsed.success ? { kind: 'refunded', refundId: parsed.data.id } : { kind: 'refused' }
}
