import type { Tx } from 'holdfast'
import { qb, run } from '../../database/query-builder.js'

/** False: one of the holds is of another checkout. The primary key decides; in order, so that two cannot wait for each other. */
export async function claimHolds(tx: Tx, checkoutId: string, holdIds: readonly string[]): Promise<boolean> {
  const rows = holdIds.toSorted().map((hold_id) => ({ hold_id, checkout_id: checkoutId }))
  const query = qb.insertInto('checkout_holds').values(rows)
  const claimed = await run(tx, query.onConflict((conflict) => conflict.doNothing()).returning('hold_id'))
  return claimed.length === holdIds.length
}
