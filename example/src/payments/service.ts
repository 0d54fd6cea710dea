import type { Db } from 'holdfast'
import type { Dials } from './dials.js'
import {
  chargeNotFound,
  keyRequired,
  keyReused,
  notRefundable,
  viewCharge,
  type ChargeRow,
  type ChargeView,
  type NewCharge,
} from './model.js'
import { findCharge, findChargeByKey, findRefundByKey, insertCharge, insertRefund } from './repository.js'

export interface ChargeResult {
  charge: ChargeView
  /** The caller is not to be answered: the dial `timeoutAfterChargeShare` hit this charge. */
  isAnswerLost: boolean
}

export interface PaymentsDeskService {
  /** The same key gives the same answer. @throws BOX_PAY_KEY_REQUIRED, BOX_PAY_KEY_REUSED */
  charge(key: string | undefined, input: NewCharge): Promise<ChargeResult>
  findByKey(key: string): Promise<ChargeView>
  /** Refunds a whole charge once. @throws BOX_PAY_CHARGE_NOT_FOUND, BOX_PAY_NOT_REFUNDABLE, BOX_PAY_KEY_REUSED */
  refund(key: string, chargeId: string): Promise<{ id: string; chargeId: string }>
}

export function createPaymentsDesk({ db, dials }: { db: Db; dials: Dials }): PaymentsDeskService {
  async function charge(key: string | undefined, input: NewCharge): Promise<ChargeResult> {
    if (key === undefined && !dials.settings.doubleChargeWithoutKey) throw keyRequired()
    const known = key === undefined ? undefined : await findChargeByKey(db, key)
    if (known) return replayCharge(known, input)
    const fate = dials.drawFate()
    const inserted = await db.tx((tx) =>
      insertCharge(tx, {
        key: key ?? null,
        reference: input.reference,
        amount_cents: input.cents,
        currency: input.currency,
        status: fate.isDeclined ? 'declined' : 'charged',
      }),
    )
    if (inserted) return { charge: viewCharge(inserted), isAnswerLost: fate.isAnswerLost }
    // A twin with our key was faster; its commit made our insert do nothing.
    const winner = await findChargeByKey(db, key ?? '')
    if (!winner) throw chargeNotFound()
    return replayCharge(winner, input)
  }

  async function findByKey(key: string): Promise<ChargeView> {
    const row = await findChargeByKey(db, key)
    if (!row) throw chargeNotFound()
    return viewCharge(row)
  }

  async function refund(key: string, chargeId: string) {
    const row = await db.tx(async (tx) => {
      const charged = await findCharge(tx, chargeId)
      if (!charged) throw chargeNotFound()
      if (charged.status !== 'charged') throw notRefundable()
      return (await insertRefund(tx, key, chargeId)) ?? (await findRefundByKey(tx, key))
    })
    if (!row) throw notRefundable()
    if (row.charge_id !== chargeId) throw keyReused()
    return { id: row.id, chargeId }
  }

  return { charge, findByKey, refund }
}

function replayCharge(row: ChargeRow, input: NewCharge): ChargeResult {
  const isSame =
    row.reference === input.reference && row.amount_cents === input.cents && row.currency === input.currency
  if (!isSame) throw keyReused()
  return { charge: viewCharge(row), isAnswerLost: false }
}
