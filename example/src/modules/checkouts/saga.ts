import type { Jobs } from 'holdfast/jobs'
import { defineSaga, type SagaDefinition } from 'holdfast/sagas'
import { confirmationMail } from '../mails/jobs.js'
import { issueTickets } from '../orders/repository.js'
import type { Payment } from '../payments/model.js'
import { isRefusalOfPayments, type PaymentsService } from '../payments/service.js'
import { checkoutInput, type CheckoutInput } from './model.js'
import { checkoutWithinMs, createCheckoutSteps, type StepsOptions } from './steps.js'

/** Whoever waits for the answer is told after about a second that payments are down, after four calls that they are silent. */
const whileSomebodyWaits = { attempts: 4, backoffMs: 100 }
/** The money is set aside: worth some minutes. */
const untilCaptured = { attempts: 12, backoffMs: 100, maxBackoffMs: 30_000 }
/** Somebody's money: about two days, then it is stuck and a person looks. */
const untilTakenBack = { attempts: 200, backoffMs: 200, maxBackoffMs: 900_000 }

export interface CheckoutOptions extends StepsOptions {
  payments: PaymentsService
  jobs: Jobs
}

export type Checkout = SagaDefinition<CheckoutInput, { orderId: string }>

/**
 * From held places to tickets, across two databases: all of it, or nothing of it. The places were taken by the request,
 * before there was a saga: of those who are refused because all is sold nothing is left to be ended.
 */
export function createCheckout({ payments, jobs, ...rest }: CheckoutOptions): Checkout {
  const steps = createCheckoutSteps(rest)
  return defineSaga(
    'checkout',
    { version: 1, input: checkoutInput, timeoutMs: checkoutWithinMs },
    async (s, input: CheckoutInput) => {
      const quote = await s.tx('hold', {
        do: async (tx) => await steps.keepPlaces(tx, input),
        undo: async (tx) => await steps.putPlacesBack(tx, input),
      })
      // All that payments need to take back what they may not have heard of yet.
      const payment: Payment = { key: `${s.id}/authorise`, reference: `checkout-${s.id}`, amount: quote.total }
      const { chargeId } = await s.call('authorise', {
        do: async ({ signal }) => await payments.authorise(payment, signal),
        undo: async ({ key, signal }) => await payments.voidPayment(key, payment, signal),
        isRefusal: isRefusalOfPayments,
        retry: whileSomebodyWaits,
        undoRetry: untilTakenBack,
      })
      const orderId = await s.tx('order', {
        do: async (tx) => await steps.createOrder(tx, s.id, input, { quote, chargeId }),
        undo: async (tx, id) => await steps.failOrder(tx, id),
      })
      await s.call('capture', {
        do: async ({ key, signal }) => await payments.capture({ key, chargeId }, signal),
        // The order is open until the money is back: by the payment's key, as it may have been captured or not.
        undo: async ({ key, signal }) => await payments.voidPayment(key, payment, signal),
        isRefusal: isRefusalOfPayments,
        retry: untilCaptured,
        undoRetry: untilTakenBack,
      })
      await s.tx('confirm', {
        do: async (tx) => await steps.confirmOrder(tx, orderId, input),
        undo: async (tx) => await steps.reopenOrder(tx, orderId),
      })
      await s.pivot('sold')
      await Promise.all([
        s.tx('tickets', { do: async (tx) => await issueTickets(tx, orderId) }),
        s.tx('mail', { do: async (tx) => void (await jobs.send(tx, confirmationMail, { orderId })) }),
      ])
      return { orderId }
    },
  )
}
