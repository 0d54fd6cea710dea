import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { inspectWatch } from '../../src/watch/index.js'
import { SeriesBook } from '../../src/watch/series.js'
import { Flusher } from '../../src/watch/worker.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'

// The minutes and hours of a process, on a clock that the test turns.

const HOUR = 3_600_000
const limits = { maxSeries: 100, maxSegments: 10 }
const parts = { logger: quietLogger, flushMs: 60_000, keepMinutesMs: 3 * HOUR, keepHoursMs: 35 * 24 * HOUR }

let box: TestDatabase
let now: number
let book: SeriesBook
let flusher: Flusher
beforeAll(async () => {
  box = await openTestDatabase()
})
beforeEach(async () => {
  await box.db.query('delete from holdfast.watch_series')
  now = Math.floor(Date.now() / HOUR) * HOUR - HOUR
  book = new SeriesBook(limits)
  flusher = new Flusher({ ...parts, db: box.db, book, process: '7', now: () => now })
})
afterAll(async () => {
  await box.close()
})

const request = (ms: number) =>
  book.recordRequest(
    'GET /',
    '',
    { ms, isFailed: false, waitMs: 0, sqlMs: 0, outboundMs: 0, outboundByHost: undefined, loopMs: 0, isFirst: false },
    [],
  )
const rows = async () =>
  (
    await box.db.query<{ minutes: number; began_at: Date; calls: string }>(
      'select minutes, began_at, calls from holdfast.watch_series order by 1, 2',
    )
  ).rows.map(({ minutes, began_at: at, calls }) => [minutes, at.getTime(), Number(calls)])

test('a minute has its row and an hour has all of its minutes', async () => {
  const began = now
  request(1)
  await flusher.flush()
  request(1)
  now = began + 60_000
  await flusher.flush()
  request(1)
  await flusher.flush()
  now = began + HOUR
  request(1)
  await flusher.flush()
  request(1)
  await flusher.flush()
  expect(await rows()).toEqual([
    [1, began, 2],
    [1, began + 60_000, 2],
    [1, began + HOUR, 1],
    [60, began, 4],
    [60, began + HOUR, 1],
  ])
  await flusher.close()
})

test('minutes that could not be written are kept, the oldest given up when there are too many', async () => {
  const began = now
  const away = new Flusher({ ...parts, db: failing(), book, process: '8', now: () => now })
  for (let minute = 0; minute < 65; minute++) {
    now = began + minute * 60_000
    request(minute)
    await expect(away.flush()).rejects.toThrow('away')
  }
  expect(away.lostMinutes).toBe(4)
  await away.close()
  await flusher.close()
})

test('what is older than it is kept is deleted, a few at a time', async () => {
  request(1)
  await flusher.flush()
  await box.db.query(`update holdfast.watch_series set began_at = began_at - interval '4 hours'`)
  const forget = async () =>
    (await box.db.query(`select holdfast.watch_forget($1, $2, 1) as n`, [3 * HOUR, 2 * HOUR])).rows[0]
  expect([await forget(), await forget(), await forget()]).toEqual([{ n: 1 }, { n: 1 }, { n: 0 }])
  await flusher.close()
})

test('half a million rows of other minutes cost nothing', async () => {
  await box.db.query(`
    insert into holdfast.watch_series
    select 1, now() - n * interval '1 minute', p, 'GET /' || r, '', 0, 1, 0, 0, 0, 0, 0, 1, '\\x0101', 0, '\\x', 0, 0
      from generate_series(120, 1319) n, generate_series(1, 4) p, generate_series(1, 100) r`)
  await box.db.query('analyze holdfast.watch_series').catch(() => undefined)
  now = Date.now()
  await flusher.flush()
  request(5)
  await flusher.flush()
  const startedAt = performance.now()
  const [route] = await inspectWatch(box.db).routes({ windowMs: 600_000 })
  expect(performance.now() - startedAt).toBeLessThan(1_000)
  expect(route?.route).toBe('GET /')
  await flusher.close()
})

function failing(): typeof box.db {
  return { query: () => Promise.reject(new Error('away')) } as unknown as typeof box.db
}

test('what is judged at each turn is judged without tables too, and where nothing can be written', async () => {
  let judged = 0
  const judge = () => void judged++
  const away = new Flusher({ ...parts, db: failing(), book, process: '9', judge })
  request(1)
  await expect(away.flush()).rejects.toThrow('away')
  expect(judged).toBe(1)
  const empty = new Flusher({
    ...parts,
    flushMs: 5,
    db: { ...failing(), schema: 'missing' },
    book,
    process: '9',
    judge,
  })
  await vi.waitFor(() => expect(judged).toBeGreaterThan(1))
  for (const each of [away, empty]) await each.close().catch(() => undefined)
})
