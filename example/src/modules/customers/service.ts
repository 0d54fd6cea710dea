import type { Idempotency } from 'holdfast/idempotency'
import { emailTaken, type Customer, type NewCustomer } from './model.js'
import { insertCustomer } from './repository.js'

export interface CustomersService {
  /** The same key again gives the same customer. @throws BOX_EMAIL_TAKEN, HF_IDEMPOTENCY_… */
  createCustomer(key: string, input: NewCustomer): Promise<Customer>
}

export function createCustomersService({ idempotency }: { idempotency: Idempotency }): CustomersService {
  async function createCustomer(key: string, input: NewCustomer): Promise<Customer> {
    const { value: id } = await idempotency.run({ scope: 'POST /customers', key, input }, async (tx) => {
      const customer = await insertCustomer(tx, input)
      if (!customer) throw emailTaken()
      // Not the name: what is kept as the answer should not be about a person.
      return customer.id
    })
    return { id, name: input.name }
  }

  return { createCustomer }
}
