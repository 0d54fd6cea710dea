import type { Queryable, Tx } from 'holdfast'
import { runOne } from '../database/query-builder.js'
import type { ChargeRow } from './model.js'
import { paymentsQb as qb, type ChargeStatus } from './tables.js'

const chargeColumns = ['id', 'key', 'reference', 'amount_cents', 'currency', 'status'] as const

/** Undefined when there is one under this key. */
export function insertCharge(tx: Tx, charge: Omit<ChargeRow, 'id'>): Promise<ChargeRow | undefined> {
  return runOne(
    tx,
    qb
      .insertInto('charges')
      .values(charge)
      .onConflict((conflict) => conflict.column('key').doNothing())
      .returning(chargeColumns),
  )
}

export function findChargeByKey(on: Queryable, key: string): Promise<ChargeRow | undefined> {
  return runOne(on, qb.selectFrom('charges').select(chargeColumns).where('key', '=', key))
}

export function findCharge(on: Queryable, id: string): Promise<ChargeRow | undefined> {
  return runOne(on, qb.selectFrom('charges').select(chargeColumns).where('id', '=', id))
}

/** Undefined when it is not authorised any more: a capture and a void of one charge meet here, and one of them wins. */
export function settleCharge(tx: Tx, id: string, status: ChargeStatus): Promise<ChargeRow | undefined> {
  return runOne(
    tx,
    qb
      .updateTable('charges')
      .set({ status })
      .where('id', '=', id)
      .where('status', '=', 'authorised')
      .returning(chargeColumns),
  )
}

/** Undefined when the charge has a refund already. */
export function insertRefund(tx: Tx, key: string, chargeId: string): Promise<{ id: string } | undefined> {
  return runOne(
    tx,
    qb
      .insertInto('refunds')
      .values({ key, charge_id: chargeId })
      .onConflict((conflict) => conflict.column('charge_id').doNothing())
      .returning('id'),
  )
}
