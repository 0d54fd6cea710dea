import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { addCustomer, addEvent, useBoxOffice, withKey, type BoxOfficeUnderTest } from './box-office.js'

let box: BoxOfficeUnderTest

useBoxOffice((_, opened) => (box = opened))
const postRaw = (body: string, contentType = 'application/json') =>
  fetch(new URL('/orders', box.url), { method: 'POST', headers: { ...withKey(), 'content-type': contentType }, body })

/** Sends `megabytes` by chunks and gives the answer, which may come before all is sent. */
function postLarge(megabytes: number, announce: boolean): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    const headers = {
      ...withKey(),
      'content-type': 'application/json',
      ...(announce && { 'content-length': megabytes * chunk.length }),
    }
    const outgoing = request(new URL('/orders', box.url), { method: 'POST', headers, agent: false }, (incoming) => {
      let body = ''
      incoming.setEncoding('utf8').on('data', (text: string) => (body += text))
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, body })
        outgoing.destroy()
      })
    })
    outgoing.on('error', reject)
    let left = megabytes
    const send = (): void => {
      while (left-- > 0) if (!outgoing.write(chunk)) return void outgoing.once('drain', send)
      outgoing.end()
    }
    send()
  })
}

describe('validation', () => {
  test('names each wrong field by its path', async () => {
    const reply = await box.call('POST', '/orders', { customerId: 5, eventId: '1', standing: 1.5, seatIds: ['1', 'x'] })
    expect(reply.status).toBe(422)
    expect(reply.headers.get('content-type')).toContain('application/problem+json')
    expect(reply.body).toMatchObject({ code: 'BOX_VALIDATION', status: 422, fix: expect.any(String) })
    const paths = reply.body.fields.map((field: { path: string }) => field.path)
    expect(paths).toEqual(['customerId', 'standing', 'seatIds.1'])
  })

  test.each([
    ['an empty order', { customerId: '1', eventId: '1' }, 'standing'],
    ['a seat named twice', { customerId: '1', eventId: '1', seatIds: ['7', '7'] }, 'seatIds'],
  ])('refuses %s', async (_, order, path) => {
    expect((await box.call('POST', '/orders', order)).body.fields[0]?.path).toBe(path)
  })

  test.each([
    ['GET', '/events?limit=1000', 422, 'BOX_VALIDATION'],
    ['GET', '/events?after=bm9uc2Vuc2U', 422, 'BOX_VALIDATION'],
    ['GET', '/events/search', 422, 'BOX_VALIDATION'],
    ['GET', '/events/abc', 422, 'BOX_VALIDATION'],
    ['GET', '/events/99999999', 404, 'BOX_EVENT_NOT_FOUND'],
    ['GET', '/events/99999999/seats', 404, 'BOX_EVENT_NOT_FOUND'],
    ['GET', '/orders/99999999', 404, 'BOX_ORDER_NOT_FOUND'],
    ['GET', '/customers/99999999/orders', 404, 'BOX_CUSTOMER_NOT_FOUND'],
    ['GET', '/venues/99999999', 404, 'BOX_VENUE_NOT_FOUND'],
    ['GET', '/nowhere', 404, 'BOX_ROUTE_NOT_FOUND'],
  ])('%s %s answers %i %s', async (method, path, status, code) => {
    const reply = await box.call(method, path)
    expect([reply.status, reply.body.code]).toEqual([status, code])
  })

  test('a search takes whatever people type', async () => {
    for (const q of ["'", '"unclosed', 'a & | !', '\\', '%', '(((', 'ø'])
      expect((await box.call('GET', `/events/search?q=${encodeURIComponent(q)}`)).status).toBe(200)
  })
})

describe('keys', () => {
  test.each(['/orders', '/orders/1/cancel', '/customers', '/events/1/report'])(
    'POST %s without one is refused, and is nothing to be alarmed about',
    async (path) => {
      box.lines.length = 0
      const reply = await box.call('POST', path, {}, withKey(''))
      expect(reply.headers.get('content-type')).toContain('application/problem+json')
      expect([reply.status, reply.body.code]).toEqual([400, 'HF_IDEMPOTENCY_KEY_MISSING'])
      expect(reply.body.fix).toContain('Idempotency-Key')
      expect(box.lines.map((line) => line.msg)).toEqual(['request'])
    },
  )

  test('a customer is made once; quoted it is the same key', async () => {
    const customer = { email: `${crypto.randomUUID()}@test.example`, name: 'Ada Brook' }
    const create = (key: string, changes = {}) =>
      box.call('POST', '/customers', { ...customer, ...changes }, withKey(key))
    const [first, second] = await Promise.all([create('c1'), create('"c1"')])
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.body).toEqual(first.body)
    expect((await create('c1', { name: 'Ida Brook' })).body.code).toBe('HF_IDEMPOTENCY_KEY_REUSED')
    expect((await create('c2')).body.code).toBe('BOX_EMAIL_TAKEN')
    expect((await create('ü')).body.code).toBe('HF_IDEMPOTENCY_KEY_INVALID')
    // What is kept to be answered again is not about a person.
    const kept = await box.db.sql`select body from holdfast.idempotency_answers where key = 'c1'`
    expect(kept).toEqual([{ body: JSON.stringify(first.body.id) }])
  })
})

describe('bodies', () => {
  test('malformed JSON is 400, another type 415', async () => {
    const malformed = await postRaw('{"customerId": ')
    expect(malformed.status).toBe(400)
    expect(await malformed.json()).toMatchObject({ code: 'HF_HTTP_BODY_MALFORMED', fix: expect.any(String) })
    const other = await postRaw('a=1', 'application/x-www-form-urlencoded')
    expect(other.status).toBe(415)
    await other.body?.cancel()
  })

  test.each([true, false])('50 MB are refused with 413 and not kept (announced: %s)', async (announce) => {
    const heapBefore = process.memoryUsage().arrayBuffers
    const reply = await postLarge(50, announce)
    expect(reply.status).toBe(413)
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'HF_HTTP_BODY_TOO_LARGE', status: 413 })
    expect(process.memoryUsage().arrayBuffers - heapBefore).toBeLessThan(30 * 1024 * 1024)
    expect((await box.call('GET', '/health')).status).toBe(200)
  })
})

describe('lists', () => {
  test('pages of events show each event once, in order, also when many start at the same moment', async () => {
    for (let n = 0; n < 7; n++) await addEvent(box.db, { title: 'The Twin Tides', startsInHours: 48 })
    await box.db
      .sql`update events set starts_at = date_trunc('hour', now()) + interval '50 hours' where title = 'The Twin Tides'`
    const seen: string[] = []
    let after: string | null = ''
    while (after !== null) {
      const reply = await box.call('GET', `/events/search?q=twin&limit=2${after && `&after=${after}`}`)
      seen.push(...reply.body.items.map((event: { id: string }) => event.id))
      after = reply.body.next
    }
    expect(seen).toHaveLength(7)
    expect(new Set(seen).size).toBe(7)
  })

  test('a seat map is read in bounded parts', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { seats: 5 })
    const first = await box.call('GET', `/events/${eventId}/seats?limit=3`)
    const second = await box.call('GET', `/events/${eventId}/seats?limit=3&after=${first.body.next}`)
    const seats = [...first.body.seats, ...second.body.seats].map((seat: { id: string }) => seat.id)
    expect(seats).toEqual(seatIds)
    expect(second.body.next).toBeNull()
  })

  test("a customer's orders come newest first", async () => {
    const { eventId } = await addEvent(box.db)
    const customerId = await addCustomer(box)
    for (let n = 1; n <= 3; n++) await box.call('POST', '/orders', { customerId, eventId, standing: n })
    const first = await box.call('GET', `/customers/${customerId}/orders?limit=2`)
    const second = await box.call('GET', `/customers/${customerId}/orders?limit=2&after=${first.body.next}`)
    const cents = [...first.body.items, ...second.body.items].map((order) => order.total.cents)
    expect(cents).toEqual([7500, 5000, 2500])
  })

  test('the start page escapes what the database holds', async () => {
    await addEvent(box.db, { title: '<script>alert(1)</script>', startsInHours: 1 })
    const page = await (await fetch(box.url)).text()
    expect(page).toContain('&lt;script&gt;')
    expect(page).not.toContain('<script>')
    expect(page).toContain('href="/_holdfast/"')
  })
})

describe('the log', () => {
  test('every line of a request carries its id, what happens to an order the order’s, and none personal data', async () => {
    const { eventId } = await addEvent(box.db)
    const customer = { email: 'somebody@private.example', name: 'Zebulon Quagmire' }
    box.lines.length = 0
    const created = await box.call('POST', '/customers', customer, { 'x-request-id': 'test-create' })
    const order = { customerId: created.body.id, eventId, standing: 1 }
    const bought = await box.call('POST', '/orders', order, { 'x-request-id': 'test-buy' })
    await box.call('POST', '/customers', customer, { 'x-request-id': 'test-twin' })
    expect(bought.headers.get('x-request-id')).toBe('test-buy')
    expect(box.lines.length).toBeGreaterThanOrEqual(5)
    // What happens to an order is no request's: the checkout may end in another process.
    const [events, requests] = [true, false].map((is) => box.lines.filter(({ msg }) => (msg === 'domain event') === is))
    expect(new Set(requests?.map((line) => line.requestId))).toEqual(new Set(['test-create', 'test-buy', 'test-twin']))
    expect(events?.map((line) => [line['event'], line['orderId']])).toEqual([
      ['order.created', bought.body.id],
      ['order.paid', bought.body.id],
    ])
    expect(JSON.stringify(box.lines)).not.toMatch(/private\.example|Zebulon/)
  })
})
