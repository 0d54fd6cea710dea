import type { Queryable, Tx } from 'holdfast'
import { runOne } from '../database/query-builder.js'
import type { ChargeRow, RefundRow } from './model.js'
import { paymentsQb as qb } from './tables.js'

const chargeColumns = ['id', 'key', 'reference', 'amount_cents', 'currency', 'status'] as const

/** Undefined when the key is there already; the row that owns it is then the answer. */
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

/** Undefined when the key or the charge has a refund already. */
export function insertRefund(tx: Tx, key: string, chargeId: string): Promise<RefundRow | undefined> {
  return runOne(
    tx,
    qb
      .insertInto('refunds')
      .values({ key, charge_id: chargeId })
      .onConflict((conflict) => conflict.doNothing())
      .returning(['id', 'charge_id']),
  )
}

export function findRefundByKey(on: Queryable, key: string): Promise<RefundRow | undefined> {
  return runOne(on, qb.selectFrom('refunds').select(['id', 'charge_id']).where('key', '=', key))
}
