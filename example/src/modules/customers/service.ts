import type { Db } from 'holdfast'
import { emailTaken, type Customer, type NewCustomer } from './model.js'
import { insertCustomer } from './repository.js'

export interface CustomersService {
  createCustomer(input: NewCustomer): Promise<Customer>
}

export function createCustomersService({ db }: { db: Db }): CustomersService {
  async function createCustomer(input: NewCustomer): Promise<Customer> {
    const customer = await db.tx((tx) => insertCustomer(tx, input))
    if (!customer) throw emailTaken()
    return customer
  }

  return { createCustomer }
}
