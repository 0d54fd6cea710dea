import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tx } from '../../src/core/index.js'
import { createIdempotency, type HttpRules, type Idempotency } from '../../src/idempotency/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let idempotency: Idempotency
beforeAll(async () => {
  box = await openTestDatabase()
  idempotency = createIdempotency(box.db)
  await box.db.query('create table placed (body text)')
})
beforeEach(async () => {
  await box.db.query('truncate placed')
  await box.db.query('delete from holdfast.idempotency_answers')
})
afterAll(async () => {
  await idempotency.close()
  await box.close()
})

const rules: HttpRules = { route: 'POST /orders', principal: 'user:1' }
const post = (key: string | null, body: string | null = '{"seats":2}', path = '/orders') =>
  new Request(`http://box.test${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...(key !== null && { 'idempotency-key': key }) },
  })
const place = async (tx: Tx, request: Request) => {
  await tx.sql`insert into placed values (${await request.text()})`
  return Response.json({ id: 7 }, { status: 201, headers: { location: '/orders/7', 'set-cookie': 'session=secret' } })
}
const placed = async () => (await box.db.query('select 1 from placed')).rowCount

test('a repeated request gets the same answer, marked, without what was meant for one browser', async () => {
  const first = await idempotency.handle(post('k1'), rules, place)
  expect(first.headers.get('set-cookie')).toBe('session=secret')
  expect(first.headers.has('idempotency-replayed')).toBe(false)
  const second = await idempotency.handle(post('k1'), rules, place)
  expect(second.status).toBe(201)
  expect(second.headers.get('location')).toBe('/orders/7')
  expect(second.headers.get('content-type')).toBe('application/json')
  expect(second.headers.get('idempotency-replayed')).toBe('true')
  expect(second.headers.has('set-cookie')).toBe(false)
  expect([await first.json(), await second.json()]).toEqual([{ id: 7 }, { id: 7 }])
  expect(await placed()).toBe(1)
  expect((await box.db.sql`select body from placed`)[0]).toEqual({ body: '{"seats":2}' })
})

test('the handler is given the body again, and the signal of the request', async () => {
  const client = new AbortController()
  const request = new Request(post('k1'), { signal: client.signal })
  await idempotency.handle(request, rules, async (tx, given) => {
    expect(given.signal.aborted).toBe(false)
    client.abort()
    expect(given.signal.aborted).toBe(true)
    return await place(tx, given)
  })
  expect(await placed()).toBe(1)
})

test('a key is a string of the draft, or a bare one: the same', async () => {
  await idempotency.handle(post('"k\\"1"'), rules, place)
  await idempotency.handle(post('k"1'), rules, place)
  expect(await placed()).toBe(1)
  const open = idempotency.handle(post('"k1'), rules, place)
  await expect(open).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_KEY_INVALID', status: 400 })
})

test('without a key a request is refused, or done each time where none is required', async () => {
  for (const key of [null, '', '  '])
    await expect(idempotency.handle(post(key), rules, place)).rejects.toMatchObject({
      code: 'HF_IDEMPOTENCY_KEY_MISSING',
      status: 400,
    })
  expect(await placed()).toBe(0)
  for (let n = 0; n < 2; n++)
    expect((await idempotency.handle(post(null), { ...rules, isRequired: false }, place)).status).toBe(201)
  expect(await placed()).toBe(2)
  expect((await box.db.query('select 1 from holdfast.idempotency_answers')).rowCount).toBe(0)
})

test('another body, address or query under a key is refused; another route or principal is another key', async () => {
  await idempotency.handle(post('k1'), rules, place)
  for (const request of [post('k1', '{"seats":3}'), post('k1', null), post('k1', undefined, '/orders?fast=1')])
    await expect(idempotency.handle(request, rules, place)).rejects.toMatchObject({
      code: 'HF_IDEMPOTENCY_KEY_REUSED',
      status: 422,
    })
  expect(await placed()).toBe(1)
  await idempotency.handle(post('k1'), { ...rules, principal: 'user:2' }, place)
  await idempotency.handle(post('k1'), { ...rules, route: 'POST /carts' }, place)
  expect(await placed()).toBe(3)
})

test('a refusal is answered, leaves nothing behind, and its key may be used again', async () => {
  const refuse = (status: number) => async (tx: Tx, request: Request) => {
    await place(tx, request)
    return new Response('sold out', { status })
  }
  for (const status of [409, 422, 500]) {
    const answer = await idempotency.handle(post('k1'), rules, refuse(status))
    expect([answer.status, await answer.text()]).toEqual([status, 'sold out'])
  }
  expect(await placed()).toBe(0)
  const stores = (status: number) => status < 500
  const kept = await idempotency.handle(post('k1', '{}'), { ...rules, stores }, refuse(409))
  expect(kept.status).toBe(409)
  expect((await idempotency.handle(post('k1', '{}'), { ...rules, stores }, place)).status).toBe(409)
  expect(await placed()).toBe(1)
})

test('answers of any kind come back byte by byte', async () => {
  const bytes = new Uint8Array([0, 255, 128, 10])
  const kinds: [string, () => Response][] = [
    ['bytes', () => new Response(bytes, { headers: { 'content-type': 'application/octet-stream' } })],
    ['text', () => new Response('\ufeffgrüße\u0000')],
    ['none', () => new Response(null, { status: 204 })],
    ['elsewhere', () => Response.redirect('http://box.test/orders/7', 303)],
  ]
  for (const [key, answer] of kinds) {
    const read = async (response: Response) => [response.status, ...new Uint8Array(await response.arrayBuffer())]
    const handle = async () => await idempotency.handle(post(key), rules, async () => await Promise.resolve(answer()))
    const expected = await read(answer())
    expect(await read(await handle())).toEqual(expected)
    expect(await read(await handle())).toEqual(expected)
  }
})

test('bodies have a limit', async () => {
  const large = idempotency.handle(post('k1', 'x'.repeat(101)), { ...rules, maxRequestBytes: 100 }, place)
  await expect(large).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_BODY_TOO_LARGE', status: 413 })
  const long = idempotency.handle(post('k1'), { ...rules, maxBytes: 4 }, place)
  await expect(long).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_ANSWER_TOO_LARGE' })
  expect(await placed()).toBe(0)
})
