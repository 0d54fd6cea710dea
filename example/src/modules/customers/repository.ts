import type { Queryable, Tx } from 'holdfast'
import { qb, runOne } from '../../database/query-builder.js'
import { customerNotFound, type Customer, type NewCustomer } from './model.js'

/** Undefined when the address is taken: the unique index decides, so two twins at once cannot both pass a check. */
export function insertCustomer(tx: Tx, customer: NewCustomer): Promise<Customer | undefined> {
  return runOne(
    tx,
    qb
      .insertInto('customers')
      .values(customer)
      .onConflict((conflict) => conflict.column('email').doNothing())
      .returning(['id', 'name']),
  )
}

export function findCustomer(on: Queryable, id: string): Promise<Customer | undefined> {
  return runOne(on, qb.selectFrom('customers').select(['id', 'name']).where('id', '=', id))
}

/** @throws BOX_CUSTOMER_NOT_FOUND */
export async function requireCustomer(on: Queryable, id: string): Promise<Customer> {
  const customer = await findCustomer(on, id)
  if (!customer) throw customerNotFound(id)
  return customer
}
