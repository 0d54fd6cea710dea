import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Worker } from 'holdfast/jobs'
import { eventually } from '../helpers/eventually.js'
import { addCustomer, addEvent, useBoxOffice, type BoxOfficeUnderTest } from './box-office.js'

let box: BoxOfficeUnderTest
let customerId: string
let worker: Worker

useBoxOffice(async (_, opened) => {
  box = opened
  customerId = await addCustomer(box)
})

beforeEach(async () => {
  worker = await box.jobs.jobs.work({ concurrency: 5, pollMs: 100 })
})
afterEach(() => worker.stop())

async function buyPlaces(standing = 2) {
  const { eventId } = await addEvent(box.db)
  return await box.call('POST', '/orders', { customerId, eventId, standing })
}

interface MailRow {
  order_id: string
  subject: string
  body: string
}

const findMails = (orderIds: readonly string[]) =>
  box.db.sql<MailRow>`
    select order_id, subject, body from outgoing_mails where order_id = any(${orderIds}::bigint[]) order by order_id`

async function waitForMails(...orderIds: string[]): Promise<MailRow[]> {
  return await eventually(
    async () => {
      const rows = await findMails(orderIds)
      expect(rows.map((row) => row.order_id)).toEqual(orderIds)
      return rows
    },
    { withinMs: 15_000 },
  )
}

/** Makes the database refuse a statement or a commit; the result takes the rule away again. */
async function addRule(trigger: string, body: string): Promise<() => Promise<void>> {
  await box.db.query(`
    create sequence rule_calls;
    create function apply_rule() returns trigger language plpgsql as $$ begin ${body} return null; end $$;
    create constraint trigger rule ${trigger} for each row execute function apply_rule()`)
  return async () => void (await box.db.query('drop function apply_rule cascade; drop sequence rule_calls'))
}

describe('the confirmation of an order', () => {
  test('an order over HTTP leads to exactly one mail', async () => {
    const { body: order } = await buyPlaces()
    const [mail] = await waitForMails(order.id)
    expect(mail?.subject).toBe(`Your order ${order.id}: The Paper Foxes`)
    expect(mail?.body).toContain('2 places for The Paper Foxes')
    expect(mail?.body).toContain('EUR 50.00')
    await worker.stop()
    // A second run would have failed on the key: its failure would be counted here, and its job would wait.
    expect(worker.stats()).toMatchObject({ failed: 0, lost: 0 })
    expect(await box.db.sql`select id from holdfast.jobs_ready`).toEqual([])
  })

  test('twenty orders at once, twenty mails', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => buyPlaces(1)))
    const ids = replies.map((reply) => reply.body.id).toSorted((a, b) => Number(a) - Number(b))
    expect(await waitForMails(...ids)).toHaveLength(20)
  })

  test('a sale whose first commit is refused leads to one', async () => {
    // Deferred: the order has been moved when the commit itself is refused. A sequence keeps its count all the same.
    const removeRule = await addRule(
      'after update on orders deferrable initially deferred',
      `if new.status = 'paid' and nextval('rule_calls') = 1 then
         raise exception 'the commit is refused' using errcode = '40001';
       end if;`,
    )
    const { status, body: order } = await buyPlaces()
    expect([status, order.status]).toEqual([201, 'paid'])
    await removeRule()
    expect(await waitForMails(order.id)).toHaveLength(1)
    await worker.stop()
    expect(await box.db.sql`select id from holdfast.jobs_ready`).toEqual([])
  })

  test('an order that is taken back leads to none', async () => {
    const removeRule = await addRule(
      'after update on orders',
      `if new.status = 'paid' then raise exception 'no order is sold'; end if;`,
    )
    const { status, body } = await buyPlaces()
    await removeRule()
    expect([status, body.code]).toEqual([503, 'BOX_CHECKOUT_FAILED'])
    const [order] = await box.db.sql<{ id: string }>`select id from orders where status = 'payment_failed'`
    const { body: later } = await buyPlaces()
    await waitForMails(later.id)
    expect(await findMails([order?.id ?? ''])).toEqual([])
  })

  test('a mail whose handler fails once is tried again and written once', async () => {
    // A sequence keeps its count when the transaction that failed is rolled back.
    const removeRule = await addRule(
      'after insert on outgoing_mails',
      `if nextval('rule_calls') = 1 then raise exception 'the first one is lost'; end if;`,
    )
    const { body: order } = await buyPlaces()
    await eventually(() => expect(worker.stats().failed).toBe(1), { withinMs: 15_000 })
    expect(await findMails([order.id])).toEqual([])
    await waitForMails(order.id)
    const [calls] = await box.db.sql`select last_value::int as made from rule_calls`
    expect(calls).toEqual({ made: 2 })
    await removeRule()
  })

  test('the job holds nothing but the id of the order', async () => {
    await worker.stop()
    const { body: order } = await buyPlaces()
    const [job] = await box.db.sql`select body::json from holdfast.jobs_ready`
    expect(job).toEqual({ body: { orderId: order.id } })
  })
})
