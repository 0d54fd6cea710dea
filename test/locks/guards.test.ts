import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { createLocks, type Locks } from '../../src/locks/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { runWithout, type Guard } from '../jobs/explore/guards.js'

let box: TestDatabase
let owner: pg.Client
const opened: { close(): Promise<void> }[] = []
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
beforeAll(async () => {
  box = await openTestDatabase()
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await box.db.query('create table account (id int primary key, cents int not null)')
  await box.db.query('insert into account values (1, 0)')
})
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})
afterAll(async () => {
  await owner.end()
  await box.close()
})

/** As another process has it. */
async function another(): Promise<Locks> {
  const db = await connectTo({ url: box.url, heartbeatMs: 600_000, logger })
  const locks = createLocks(db, { logger })
  opened.push(db, locks)
  return locks
}

/** As its process would be thought of that was not heard of for as long as its lease. */
const lapse = async (key: string) =>
  await owner.query(
    `with q as (update holdfast.locks_requests set asked_at = now() - interval '1 day', held_at = now() - interval '1 day' where key = $1 and fence is not null returning owner)
     update holdfast.locks_owners o set seen_at = now() - interval '1 day' from q where o.id = q.owner`,
    [key],
  )

describe('without its guards', () => {
  test('two hold one lock where the mutex of the key is missing', async () => {
    // A lone request of one key takes the mutex by itself.
    const mutex: Guard = {
      in: 'locks_request_one',
      text: 'perform pg_advisory_xact_lock(hashtextextended(p_key, 6969));',
      without: '',
    }
    const [a, b] = [await another(), await another()]
    await Promise.all([a.tryAcquire('warm:a'), b.tryAcquire('warm:b')])
    // Between the look at the queue and the commit: without it two meet only by luck.
    await owner.query(`create function pause() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.05); return new; end $$`)
    await owner.query(
      'create trigger pause before insert on holdfast.locks_requests for each row execute function pause()',
    )
    const race = async (key: string) => {
      const got = await Promise.all([a.tryAcquire(key), b.tryAcquire(key)])
      const held = got.filter((lock) => lock !== undefined)
      for (const lock of held) await lock.release()
      return held.length
    }
    try {
      expect(await race('with')).toBe(1)
      expect(await runWithout(owner, mutex, async () => await race('without'))).toBe(2)
    } finally {
      await owner.query('drop function pause cascade')
    }
  })

  test('a stale holder writes where the fence is not asked for', async () => {
    const fence: Guard = {
      in: 'locks_guard',
      text: `if v_kept = 0 or v_kept <> v_amount then`,
      without: 'if false then',
    }
    const lock = await (await another()).acquire('k')
    await lapse('k')
    const next = await (await another()).acquire('k')
    await runWithout(
      owner,
      fence,
      async () => await lock.fenced(async (tx) => await tx.query('update account set cents = -1')),
    )
    expect((await box.db.sql`select cents from account`)[0]).toEqual({ cents: -1 })
    await next.release()
  })
})
