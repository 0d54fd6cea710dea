import type { Db, Queryable, Tx } from 'holdfast'
import type { Idempotency } from 'holdfast/idempotency'
import type { Dials } from './dials.js'
import {
  chargeNotFound,
  chargeVoided,
  notCapturable,
  notRefundable,
  viewCharge,
  type ChargeRow,
  type ChargeView,
  type NewCharge,
  type NewVoid,
} from './model.js'
import { findCharge, findChargeByKey, insertCharge, insertRefund, settleCharge } from './repository.js'
import type { ChargeStatus } from './tables.js'

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
  /** The caller is not to be answered: the dial `timeoutAfterChargeShare` hit this call. */
  isAnswerLost: boolean
}

export interface VoidResult {
  status: 'voided' | 'refunded' | 'declined'
}

export interface PaymentsDeskService {
  /** Sets the money aside. The same key gives the same answer; without one each call is another charge. @throws BOX_PAY_VOIDED, HF_IDEMPOTENCY_KEY_REUSED */
  authorise(key: string | undefined, input: NewCharge): Promise<ChargeResult>
  /** Takes what was set aside. @throws BOX_PAY_CHARGE_NOT_FOUND, BOX_PAY_NOT_CAPTURABLE, HF_IDEMPOTENCY_KEY_REUSED */
  capture(key: string, chargeId: string): Promise<ChargeResult>
  /** Takes a payment back by the key it was asked for with, whatever became of it: one that has not come yet is refused when it does. */
  voidPayment(key: string, payment: NewVoid): Promise<VoidResult>
  findByKey(key: string): Promise<ChargeView>
  /** Refunds a whole charge once. @throws BOX_PAY_CHARGE_NOT_FOUND, BOX_PAY_NOT_REFUNDABLE, HF_IDEMPOTENCY_KEY_REUSED */
  refund(key: string, chargeId: string): Promise<{ id: string; chargeId: string }>
}

export function createPaymentsDesk({ db, dials, idempotency }: PaymentsDeskOptions): PaymentsDeskService {
  async function authorise(key: string | undefined, input: NewCharge): Promise<ChargeResult> {
    if (key === undefined) return await db.tx((tx) => makeCharge(tx, null, input))
    return await answerOnce({ scope: 'charge', key, input }, (tx) => makeCharge(tx, key, input))
  }

  async function capture(key: string, chargeId: string): Promise<ChargeResult> {
    return await answerOnce({ scope: 'capture', key, input: { chargeId } }, (tx) => makeCapture(tx, chargeId))
  }

  async function answerOnce(
    call: { scope: string; key: string; input: object },
    make: (tx: Tx) => Promise<ChargeResult>,
  ): Promise<ChargeResult> {
    const { value, isReplay } = await idempotency.run({ principal, ...call }, make, { ttlMs })
    // The dials befall what is new.
    return isReplay ? { ...value, isAnswerLost: false } : value
  }

  async function makeCharge(tx: Tx, key: string | null, input: NewCharge): Promise<ChargeResult> {
    const { isDeclined, isAnswerLost } = dials.drawFate()
    const row = await insertCharge(tx, toRow(key, input, isDeclined ? 'declined' : 'authorised'))
    if (!row) throw chargeVoided()
    return { charge: viewCharge(row), isAnswerLost }
  }

  async function makeCapture(tx: Tx, chargeId: string): Promise<ChargeResult> {
    const isAnswerLost = dials.drawCaptureLoss()
    const captured = await settleCharge(tx, chargeId, 'captured')
    if (captured) return { charge: viewCharge(captured), isAnswerLost }
    throw notCapturable((await requireCharge(tx, chargeId)).status)
  }

  async function voidPayment(key: string, payment: NewVoid): Promise<VoidResult> {
    const call = { scope: 'void', principal, key, input: payment }
    const { value } = await idempotency.run(call, (tx) => makeVoid(tx, key, payment), { ttlMs })
    return { status: value }
  }

  async function makeVoid(tx: Tx, key: string, { paymentKey, ...input }: NewVoid): Promise<VoidResult['status']> {
    // The row is there from now on: a payment that was on its way all the while meets it.
    if (await insertCharge(tx, toRow(paymentKey, input, 'voided'))) return 'voided'
    const { id } = await requireChargeOf(tx, paymentKey)
    if (await settleCharge(tx, id, 'voided')) return 'voided'
    const { status } = await requireCharge(tx, id)
    if (status !== 'captured') return status === 'declined' ? 'declined' : 'voided'
    // Refunded before is as good.
    await insertRefund(tx, key, id)
    return 'refunded'
  }

  const findByKey = async (key: string): Promise<ChargeView> => viewCharge(await requireChargeOf(db, key))

  async function refund(key: string, chargeId: string) {
    const call = { scope: 'refund', principal, key, input: { chargeId } }
    const { value: id } = await idempotency.run(call, (tx) => makeRefund(tx, key, chargeId), { ttlMs })
    return { id, chargeId }
  }

  async function makeRefund(tx: Tx, key: string, chargeId: string): Promise<string> {
    const { status } = await requireCharge(tx, chargeId)
    const made = status === 'captured' ? await insertRefund(tx, key, chargeId) : undefined
    if (!made) throw notRefundable()
    return made.id
  }

  return { authorise, capture, voidPayment, findByKey, refund }
}

function toRow(key: string | null, { reference, cents, currency }: NewCharge, status: ChargeStatus) {
  return { key, reference, amount_cents: cents, currency, status }
}

async function requireCharge(on: Queryable, id: string): Promise<ChargeRow> {
  const row = await findCharge(on, id)
  if (!row) throw chargeNotFound()
  return row
}

async function requireChargeOf(on: Queryable, key: string): Promise<ChargeRow> {
  const row = await findChargeByKey(on, key)
  if (!row) throw chargeNotFound()
  return row
}
