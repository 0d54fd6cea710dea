import type { Queryable, Tx } from 'holdfast'
import { runOne } from '../database/query-builder.js'
import type { ChargeRow } from './model.js'
import { paymentsQb as qb } from './tables.js'

const chargeColumns = ['id', 'key', 'reference', 'amount_cents', 'currency', 'status'] as const

export async function insertCharge(tx: Tx, charge: Omit<ChargeRow, 'id'>): Promise<ChargeRow> {
  const row = await runOne(tx, qb.insertInto('charges').values(charge).returning(chargeColumns))
  if (!row) throw new Error('INSERT … RETURNING gave no row')
  return row
}

export function findChargeByKey(on: Queryable, key: string): Promise<ChargeRow | undefined> {
  return runOne(on, qb.selectFrom('charges').select(chargeColumns).where('key', '=', key))
}

export function findCharge(on: Queryable, id: string): Promise<ChargeRow | undefined> {
  return runOne(on, qb.selectFrom('charges').select(chargeColumns).where('id', '=', id))
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
