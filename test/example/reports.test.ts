import { expect, test } from 'vitest'
import { createReporter } from '../../example/src/modules/reports/reporter.js'
import type { ReportDraft, SalesReport } from '../../example/src/modules/reports/model.js'
import { eventually } from '../helpers/eventually.js'
import { addCustomer, addEvent, useBoxOffice, withKey, type BoxOfficeUnderTest } from './box-office.js'

let box: BoxOfficeUnderTest
let customerId: string

useBoxOffice(async (_, opened) => {
  box = opened
  customerId = await addCustomer(box)
})

/** Paid orders of one standing place each at 25 euros, the first `refunded` of them refunded; all of an hour ago. */
async function addOrders(eventId: string, amount: number, refunded = 0): Promise<void> {
  await box.db.sql`
    with made as (
      insert into orders (customer_id, event_id, status, standing_quantity, total_cents, currency, charge_id, refund_id, paid_at, cancelled_at)
      select ${customerId}::bigint, ${eventId}::bigint, case when n <= ${refunded}::int then 'cancelled' else 'paid' end, 1, 2500, 'EUR',
             'c', case when n <= ${refunded}::int then 'r' end, now() - interval '1 hour', case when n <= ${refunded}::int then now() - interval '30 minutes' end
        from generate_series(1, ${amount}::int) n returning id)
    insert into order_items (order_id, line, quantity, price_cents) select id, 1, 1, 2500 from made`
}

interface Shown {
  state: string
  result: SalesReport | null
}

const readStatus = async (path: string) => (await box.call('GET', path)).body as unknown as Shown

test('POST answers 202; the address tells progress, sends events, and has the report in the end', async () => {
  const { eventId } = await addEvent(box.db)
  await addOrders(eventId, 1_200, 100)
  const accepted = await box.call('POST', `/events/${eventId}/report`)
  expect(accepted.status).toBe(202)
  const address = accepted.headers.get('location') ?? ''
  // Whoever asks meanwhile is given the same one.
  expect((await box.call('POST', `/events/${eventId}/report`)).headers.get('location')).toBe(address)
  expect(await readStatus(address)).toMatchObject({ state: 'waiting' })
  const events = await fetch(new URL(`${address}/events`, box.url))
  const worker = await box.jobs.jobs.work({ pollMs: 100 })
  // Ends with the job.
  expect(await events.text()).toContain('"state":"succeeded"')
  const { result } = await readStatus(address)
  expect(result).toMatchObject({ eventId, orders: 1_100, refundedOrders: 100, places: 1_100, revenueCents: 2_750_000 })
  expect((await box.call('DELETE', address)).status).toBe(409)
  await worker.stop()
  expect((await box.call('POST', '/events/999999/report')).body.code).toBe('BOX_EVENT_NOT_FOUND')
})

test('a report that waits is cancelled by its address, and another one can be asked for, under another key', async () => {
  const { eventId } = await addEvent(box.db)
  const ask = (key: string) => box.call('POST', `/events/${eventId}/report`, undefined, withKey(key))
  const first = (await ask('one')).headers.get('location') ?? ''
  expect((await box.call('DELETE', first)).status).toBe(200)
  expect(await readStatus(first)).toMatchObject({ state: 'cancelled' })
  expect((await ask('two')).headers.get('location')).not.toBe(first)
  const again = await ask('one')
  expect([again.status, again.headers.get('location')]).toEqual([202, first])
})

/** A job as the reporter sees it, whose checkpoint outlives a run that is ended after so many saves. */
function makeRun(eventId: string, saved: { draft?: ReportDraft }, endsAfter = Infinity) {
  const ending = new AbortController()
  let saves = 0
  return {
    payload: { eventId },
    signal: ending.signal,
    progress: () => {},
    checkpoint: {
      load: <T>() => Promise.resolve(saved.draft as T | undefined),
      save: (draft: unknown) => {
        saved.draft = draft as ReportDraft
        if (++saves >= endsAfter) ending.abort(new Error('the process ends'))
        return Promise.resolve()
      },
    },
  }
}

test('what is bought and refunded while it is written changes nothing in it; another run goes on from the checkpoint', async () => {
  const { eventId } = await addEvent(box.db, { standing: 500 })
  await addOrders(eventId, 50, 5)
  const reporter = createReporter({ db: box.db, chunkSize: 10 })
  const saved: { draft?: ReportDraft } = {}
  await expect(reporter.writeReport(makeRun(eventId, saved, 2))).rejects.toThrow('the process ends')
  expect(saved.draft).toMatchObject({ done: 20, total: 50 })

  // Meanwhile: a new order, and one that has not been read yet is refunded.
  expect((await box.call('POST', '/orders', { customerId, eventId, standing: 3 })).status).toBe(201)
  await box.db.sql`
    update orders set status = 'cancelled', refund_id = 'r', cancelled_at = now()
     where id = (select max(id) from orders where event_id = ${eventId} and paid_at < now() - interval '10 minutes')`
  const report = await reporter.writeReport(makeRun(eventId, saved))
  expect(report).toMatchObject({ orders: 45, refundedOrders: 5, places: 45, revenueCents: 112_500 })
})

test('at night each event that has sold something gets its report, once', async () => {
  const { eventId } = await addEvent(box.db)
  await addOrders(eventId, 3)
  const { jobs } = box.jobs
  await box.db.query(`update holdfast.jobs_crons set next_at = now() where name = 'nightly-reports'`)
  await jobs.tick()
  const worker = await jobs.work({ pollMs: 100 })
  const [found] = await eventually(
    async () => {
      const runs = await jobs.findSucceeded({ name: 'event-report', contains: { eventId } })
      expect(runs).toHaveLength(1)
      return runs
    },
    { withinMs: 20_000 },
  )
  expect(found).toMatchObject({ result: { eventId, orders: 3, revenueCents: 7_500 } })
  const [cron] = await jobs.inspect.crons()
  expect(cron).toMatchObject({ name: 'nightly-reports', timeZone: 'Europe/Lisbon', schedule: '0 3 * * *' })
  await worker.stop()
})
