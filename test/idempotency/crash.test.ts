import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createIdempotency, type Idempotency } from '../../src/idempotency/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'

// A process of its own that is killed between the effect and the answer, and at any moment.

let box: TestDatabase
let idempotency: Idempotency
beforeAll(async () => {
  box = await openTestDatabase()
  idempotency = createIdempotency(box.db)
  await box.db.query('create table effects (key text, n int)')
})
afterAll(async () => {
  await idempotency.close()
  await box.close()
})
vi.setConfig({ testTimeout: 60_000 })

const process = fileURLToPath(new URL('./caller-process.mjs', import.meta.url))
const startCaller = (options: object) => fork(process, [JSON.stringify({ url: box.url, ...options })])

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

const effectsOf = async (key: string) =>
  (await box.db.sql<{ n: number }>`select n from effects where key = ${key}`).map(({ n }) => n)
const call = async (key: string, n: number) =>
  await idempotency.run({ scope: 'crash', key }, async (tx) => {
    await tx.sql`insert into effects values (${key}, ${n})`
    return n
  })

test('killed between effect and answer: nothing has happened, and whoever comes next does it', async () => {
  const child = startCaller({ key: 'between', n: 1, stopsBeforeAnswer: true })
  await once(child, 'message')
  const next = call('between', 2)
  await kill(child)
  expect(await next).toEqual({ value: 2, isReplay: false })
  expect(await effectsOf('between')).toEqual([2])
})

test('killed after the commit and before its caller was told: the answer is there', async () => {
  const child = startCaller({ key: 'after', n: 1, stopsAfterCommit: true })
  await once(child, 'message')
  await kill(child)
  expect(await call('after', 2)).toEqual({ value: 1, isReplay: true })
  expect(await effectsOf('after')).toEqual([1])
})

test('killed at any moment, again and again, while twins ask too: one effect a key, and one answer', async () => {
  const keys = Array.from({ length: 300 }, (_, n) => `many:${n}`)
  const told = new Map<string, Set<number>>(keys.map((key) => [key, new Set()]))
  const ask = async () => {
    for (const [n, key] of keys.entries()) told.get(key)?.add((await call(key, n)).value)
  }
  let kills = 0
  let isDone = false
  const killing = (async () => {
    while (!isDone) {
      const child = startCaller({ keys })
      child.on('message', ({ key, value }: { key: string; value: number }) => void told.get(key)?.add(value))
      await once(child, 'message')
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60))
      await kill(child)
      kills++
    }
  })()
  await ask()
  await eventually(() => expect(kills).toBeGreaterThan(4), { withinMs: 20_000 })
  isDone = true
  await killing
  const { rows } = await box.db.query<{ key: string; amount: number }>(
    `select key, count(*)::int as amount from effects where key like 'many:%' group by key having count(*) <> 1`,
  )
  expect(rows).toEqual([])
  for (const key of keys) expect([...(told.get(key) ?? [])]).toEqual(await effectsOf(key))
})
