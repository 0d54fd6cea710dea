import { defineJob } from 'holdfast/jobs'
import { orderReference } from '../orders/model.js'
import { writeConfirmation } from './service.js'

/** Sent with the payment of an order. The mail's row and the job's completion are one commit: exactly one mail. */
export const confirmationMail = defineJob('confirmation-mail', {
  mode: 'transaction',
  schema: orderReference,
  handler: async ({ tx, payload }) => await writeConfirmation(tx, payload.orderId),
})
