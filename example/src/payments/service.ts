import type { Db, Tx } from 'holdfast'
import type { Idempotency } from 'holdfast/idempotency'
import type { Dials } from './dials.js'
import { chargeNotFound, notRefundable, viewCharge, type ChargeView, type NewCharge } from './model.js'
import { findCharge, findChargeByKey, insertCharge, insertRefund } from './repository.js'

/** Whose keys these are: there is one client. */
const principal = 'box-office'
/** Longer than anybody asks again: a payment or a refund without an answer is asked about for days. */
const ttlMs = 365 * 86_400_000

export interface PaymentsDeskOptions {
  db: Db
  dials: Dials
  idempotency: Idempotency
}

export interface ChargeResult {
  charge: ChargeView
  /** The caller is not to be answered: the dial `timeoutAfterChargeShare` hit this charge. */
  isAnswerLost: boolean
}

export interface PaymentsDeskService {
  /** The same key gives the same answer; without one each call is another charge. @throws HF_IDEMPOTENCY_KEY_REUSED */
  charge(key: string | undefined, input: NewCharge): Promise<ChargeResult>
  findByKey(key: string): Promise<ChargeView>
  /** Refunds a whole charge once. @throws BOX_PAY_CHARGE_NOT_FOUND, BOX_PAY_NOT_REFUNDABLE, HF_IDEMPOTENCY_KEY_REUSED */
  refund(key: string, chargeId: string): Promise<{ id: string; chargeId: string }>
}

export function createPaymentsDesk({ db, dials, idempotency }: PaymentsDeskOptions): PaymentsDeskService {
  async function charge(key: string | undefined, input: NewCharge): Promise<ChargeResult> {
    if (key === undefined) return await db.tx((tx) => makeCharge(tx, null, input))
    const call = { scope: 'charge', principal, key, input }
    const { value, isReplay } = await idempotency.run(call, (tx) => makeCharge(tx, key, input), { ttlMs })
    // The dials befall new charges only.
    return isReplay ? { ...value, isAnswerLost: false } : value
  }

  async function makeCharge(tx: Tx, key: string | null, input: NewCharge): Promise<ChargeResult> {
    const { isDeclined, isAnswerLost } = dials.drawFate()
    const row = await insertCharge(tx, {
      key,
      reference: input.reference,
      amount_cents: input.cents,
      currency: input.currency,
      status: isDeclined ? 'declined' : 'charged',
    })
    return { charge: viewCharge(row), isAnswerLost }
  }

  async function findByKey(key: string): Promise<ChargeView> {
    const row = await findChargeByKey(db, key)
    if (!row) throw chargeNotFound()
    return viewCharge(row)
  }

  async function refund(key: string, chargeId: string) {
    const call = { scope: 'refund', principal, key, input: { chargeId } }
    const { value: id } = await idempotency.run(call, (tx) => makeRefund(tx, key, chargeId), { ttlMs })
    return { id, chargeId }
  }

  async function makeRefund(tx: Tx, key: string, chargeId: string): Promise<string> {
    const charged = await findCharge(tx, chargeId)
    if (!charged) throw chargeNotFound()
    const made = charged.status === 'charged' ? await insertRefund(tx, key, chargeId) : undefined
    if (!made) throw notRefundable()
    return made.id
  }

  return { charge, findByKey, refund }
}
