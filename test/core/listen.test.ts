import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Notification } from '../../src/core/index.js'
import { eventually } from '../helpers/eventually.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

test('hears what is sent after listen() resolved, on any channel name', async () => {
  const heard: Notification[] = []
  const channel = 'Odd "name", with commas'
  const stop = await box.db.listen(channel, (event) => void heard.push(event))
  await box.db.query('select pg_notify($1, $2)', [channel, 'hello'])
  await eventually(() => expect(heard).toEqual([{ payload: 'hello', missed: false }]))
  await stop()
  await box.db.query('select pg_notify($1, $2)', [channel, 'nobody hears'])
  await box.db.query('select 1')
  expect(heard).toHaveLength(1)
})

test('after a lost connection it listens again and says that events may have been missed', async () => {
  const heard: Notification[] = []
  const stop = await box.db.listen('renewed', (event) => void heard.push(event))
  await runAdmin(
    box.ownerUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and query like 'listen %' and pid <> pg_backend_pid()`,
  )
  await eventually(() => expect(heard).toEqual([{ payload: '', missed: true }]))
  await box.db.query('select pg_notify($1, $2)', ['renewed', 'again'])
  await eventually(() => expect(heard).toHaveLength(2))
  await stop()
})

test('a handler that throws does not keep the others from hearing', async () => {
  const heard: string[] = []
  const stopFirst = await box.db.listen('shared', () => {
    throw new Error('mine only')
  })
  const stopSecond = await box.db.listen('shared', ({ payload }) => void heard.push(payload))
  await box.db.query(`notify shared, 'both'`)
  await eventually(() => expect(heard).toEqual(['both']))
  await stopFirst()
  await stopSecond()
})

test('refuses a channel name that PostgreSQL would cut', async () => {
  await expect(box.db.listen('x'.repeat(64), () => {})).rejects.toMatchObject({ code: 'HF_LISTEN_CHANNEL_INVALID' })
  await expect(box.db.listen('', () => {})).rejects.toMatchObject({ code: 'HF_LISTEN_CHANNEL_INVALID' })
})
