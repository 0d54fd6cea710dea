import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CronSchedule } from '../../src/jobs/cron-schedule.js'
import { createJobs, defineJob } from '../../src/jobs/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

const next = (text: string, zone: string, after: string) =>
  new CronSchedule(text, zone).findNext(new Date(after)).toISOString()

test('finds the next firing', () => {
  expect(next('0 3 * * *', 'UTC', '2026-11-25T03:00:00Z')).toBe('2026-11-26T03:00:00.000Z')
  expect(next('*/15 * * * *', 'UTC', '2026-11-25T03:14:59Z')).toBe('2026-11-25T03:15:00.000Z')
  expect(next('0 9 * * mon-fri', 'Europe/Berlin', '2026-11-27T08:30:00Z')).toBe('2026-11-30T08:00:00.000Z')
  expect(next('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z')).toBe('2028-02-29T00:00:00.000Z')
  expect(next('@monthly', 'America/New_York', '2026-11-25T00:00:00Z')).toBe('2026-12-01T05:00:00.000Z')
  expect(next('30 6 1 * sun', 'UTC', '2026-11-25T00:00:00Z')).toBe('2026-11-29T06:30:00.000Z')
  expect(next('15/20 4 * * *', 'UTC', '2026-11-25T04:15:00Z')).toBe('2026-11-25T04:35:00.000Z')
})

test('a time that the clock skips fires after the gap, one that comes twice fires once', () => {
  // Berlin, 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
  expect(next('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z')
  expect(next('30 2 * * *', 'Europe/Berlin', '2026-03-29T01:00:00Z')).toBe('2026-03-30T00:30:00.000Z')
  expect(next('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z')).toBe('2026-10-25T00:30:00.000Z')
  expect(next('30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z')).toBe('2026-10-26T01:30:00.000Z')
  // Schedules of every hour keep to elapsed time.
  expect(next('30 * * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z')).toBe('2026-10-25T01:30:00.000Z')
})

test.each([
  ['* * *', 'it has 3 fields'],
  ['61 * * * *', '"61" is no minute'],
  ['* * * * funday', '"funday" is no weekday'],
  ['*/0 * * * *', '"\\*/0" is no minute'],
  ['5-1 * * * *', '"5-1" is no minute'],
  ['0 0 31 2 *', 'no day of the next nine years'],
])('%s cannot be used', (text, problem) => {
  const find = () => new CronSchedule(text).findNext(new Date('2026-01-01'))
  expect(find).toThrow(expect.objectContaining({ code: 'HF_JOBS_CRON' }))
  expect(find).toThrow(new RegExp(problem))
})

test('a time zone that does not exist is refused', () => {
  expect(() => new CronSchedule('* * * * *', 'Europe/Atlantis')).toThrow(/no time zone named Europe\/Atlantis/)
})

test('the next firing is the first minute that matches (UTC, looked at one by one)', () => {
  const field = (least: number, most: number) =>
    fc.oneof(
      fc.constant('*'),
      fc
        .uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 3 })
        .map((list) => list.join(',')),
    )
  const schedule = fc.tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
  const moment = fc.date({ min: new Date('2025-01-01'), max: new Date('2027-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(schedule, moment, (parts, after) => {
      const found = new CronSchedule(parts.join(' ')).findNext(after)
      const matches = (value: number, part: string) => part === '*' || part.split(',').map(Number).includes(value)
      const isMatch = (at: Date) => {
        const [day, weekday] = [matches(at.getUTCDate(), parts[2]), matches(at.getUTCDay(), parts[4])]
        const isEither = parts[2] !== '*' && parts[4] !== '*'
        const isDay = isEither ? day || weekday : day && weekday
        return (
          isDay &&
          matches(at.getUTCMonth() + 1, parts[3]) &&
          matches(at.getUTCHours(), parts[1]) &&
          matches(at.getUTCMinutes(), parts[0])
        )
      }
      expect(isMatch(found)).toBe(true)
      expect(found.getTime()).toBeGreaterThan(after.getTime())
      const from = Math.floor(after.getTime() / 60_000) * 60_000 + 60_000
      // At most two weeks of minutes: further back the step by days is what is tried.
      for (let at = Math.max(from, found.getTime() - 14 * 86_400_000); at < found.getTime(); at += 60_000)
        if (isMatch(new Date(at)))
          expect.fail(`${parts.join(' ')} after ${after.toISOString()} is due at ${new Date(at).toISOString()}`)
    }),
    { numRuns: 25 },
  )
})

test('of many instances exactly one sends what is due, and the next firing comes from the schedule', async () => {
  const seen: number[] = []
  const job = defineJob<{ n: number }>('hourly', { handler: ({ payload }) => void seen.push(payload.n) })
  // Half an hour away: of every minute one begins while this runs, now and then.
  const schedule = `${(new Date().getUTCMinutes() + 30) % 60} * * * *`
  const crons = [{ name: 'hourly', schedule, job, payload: { n: 1 } }]
  const instances = await Promise.all(
    [1, 2, 3, 4].map(async () => await createJobs(box.db, { jobs: [job], crons, logger: quietLogger })),
  )
  try {
    await Promise.all(instances.map(async (jobs) => await jobs.tick()))
    expect((await box.db.query('select from holdfast.jobs_ready')).rowCount).toBe(0)
    await box.db.query(`update holdfast.jobs_crons set next_at = next_at - interval '4 hours'`)
    await Promise.all(instances.map(async (jobs) => await jobs.tick()))
    // Three ticks were missed; `once` makes them one.
    expect((await box.db.query('select from holdfast.jobs_ready')).rowCount).toBe(1)
    const [row] = await box.db
      .sql`select next_at > now() and next_at <= now() + interval '1 hour' as is_next from holdfast.jobs_crons`
    expect(row).toEqual({ is_next: true })
    await instances[0]?.work()
    await eventually(() => expect(seen).toEqual([1]))
  } finally {
    await Promise.all(instances.map(async (jobs) => await jobs.close()))
    await box.db.query('delete from holdfast.jobs_crons')
  }
})

test('with missed: skip nothing is sent for ticks that nobody saw', async () => {
  const job = defineJob<object>('skipping', { handler: () => {} })
  const crons = [{ name: 'skipping', schedule: '@hourly', job, payload: {}, missed: 'skip' as const }]
  const jobs = await createJobs(box.db, { jobs: [job], crons, logger: quietLogger })
  await box.db.query(`update holdfast.jobs_crons set next_at = now() - interval '2 hours'`)
  await jobs.tick()
  expect((await box.db.query('select from holdfast.jobs_ready')).rowCount).toBe(0)
  await box.db.query(`update holdfast.jobs_crons set next_at = now() - interval '1 second'`)
  await jobs.tick()
  expect((await box.db.query('select from holdfast.jobs_ready')).rowCount).toBe(1)
  await jobs.close()
})
