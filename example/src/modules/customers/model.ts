import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import { idSchema } from '../../utils/validate.js'

export const customerParams = z.object({ id: idSchema })

export const newCustomer = z.object({
  // Lower case, so that one person cannot be two customers by a capital letter.
  email: z.email().max(254).toLowerCase(),
  name: z.string().trim().min(1).max(200),
})

export type NewCustomer = z.infer<typeof newCustomer>

/** Without the email address: no answer needs to repeat it. */
export interface Customer {
  id: string
  name: string
}

export function customerNotFound(id: string): BoxError {
  return new BoxError({
    code: 'BOX_CUSTOMER_NOT_FOUND',
    status: 404,
    message: `There is no customer ${id}.`,
    fix: 'Create the customer with POST /customers first.',
  })
}

export function emailTaken(): BoxError {
  return new BoxError({
    code: 'BOX_EMAIL_TAKEN',
    status: 409,
    message: 'A customer with this email address exists.',
    fix: 'Use the existing customer, or another address.',
  })
}
