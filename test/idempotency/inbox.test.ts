import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createIdempotency, type Idempotency, type Message } from '../../src/idempotency/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { findPython, runPython } from '../helpers/python.js'

let box: TestDatabase
let inbox: Idempotency
beforeAll(async () => {
  box = await openTestDatabase()
  inbox = createIdempotency(box.db)
  await box.db.query('create table booked (id text)')
})
beforeEach(async () => {
  await box.db.query('truncate booked')
  await box.db.query('delete from holdfast.idempotency_answers')
})
afterAll(async () => {
  await inbox.close()
  await box.close()
})

const message: Message = { source: 'payments', id: 'charge:1', body: '{"cents":500}' }
const book = async (given: Message, fails = false) =>
  await box.db.tx(async (tx) => {
    if (!(await inbox.receive(tx, given))) return false
    await tx.sql`insert into booked values (${given.id})`
    if (fails) throw new Error('crash')
    return true
  })
const booked = async () => (await box.db.query('select 1 from booked')).rowCount

test('a message is new once; one whose transaction is rolled back is new again', async () => {
  await expect(book(message, true)).rejects.toThrow('crash')
  expect([await book(message), await book(message)]).toEqual([true, false])
  expect(await book({ ...message, source: 'tickets' })).toBe(true)
  expect(await booked()).toBe(2)
})

test('two inside one transaction are the same one', async () => {
  const seen = await box.db.tx(async (tx) => [await inbox.receive(tx, message), await inbox.receive(tx, message)])
  expect(seen).toEqual([true, false])
})

test('while a transaction is receiving it another one is told so at once', async () => {
  const other = await box.db.connectDirect()
  await other.query('begin')
  await other.query('select holdfast.receive_message($1, $2, $3)', [message.source, message.id, message.body])
  await expect(book(message)).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_IN_FLIGHT', retryable: true })
  await other.query('commit')
  await other.end()
  expect(await book(message)).toBe(false)
})

test('another body under its id is refused', async () => {
  await book(message)
  await expect(book({ ...message, body: '{"cents":501}' })).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_KEY_REUSED' })
})

test('it is forgotten after keepMs', async () => {
  await book({ ...message, keepMs: 1 })
  await expect.poll(async () => await inbox.sweep()).toBe(1)
  expect(await book(message)).toBe(true)
})

test('ids are checked, options too', async () => {
  await expect(book({ ...message, id: '' })).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_KEY_INVALID' })
  await expect(book({ ...message, keep: 1 } as never)).rejects.toMatchObject({ code: 'HF_OPTIONS_UNKNOWN' })
})

describe('from Python', async () => {
  const python = await findPython()
  test.skipIf(python === undefined)('the same inbox, in one transaction with what Python writes', async () => {
    const file = fileURLToPath(new URL('./inbox.py', import.meta.url))
    const receive = async () =>
      await runPython(python as string, file, [box.url, 'payments', 'charge:1', message.body as string])
    expect([await receive(), await receive()]).toEqual(['new', 'known'])
    expect(await book(message)).toBe(false)
    expect(await booked()).toBe(1)
  })
})
