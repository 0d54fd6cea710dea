import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'
import { writeStory } from '../helpers/watch-series.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

const run = async (...args: string[]): Promise<CliRun> => await runCli(['scan', ...args], { DATABASE_URL: box.url })

/** SQL to be copied is not broken. */
const checkWidth = (text: string) => {
  for (const line of text.split('\n'))
    if (!/^ +(create|analyze|vacuum) /.test(line)) expect(line.length).toBeLessThanOrEqual(80)
}

test('the story in 80 columns, exit code 1', { timeout: 60_000 }, async () => {
  await writeStory(box.ownerUrl)
  const { code, stdout, stderr } = await run('GET /trades')
  expect([code, stderr]).toEqual([1, ''])
  checkWidth(stdout)
  expect(stdout).toMatch(/^act {4}P95 of GET \/trades went from 120 ms to 598 ms at /)
  // Times are as long as each other; how long ago it was is in the verdict above alone.
  const report = stdout.slice(stdout.indexOf('\nOnset')).replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'YYYY-MM-DD HH:MM')
  expect(report).toMatchInlineSnapshot(`
    "
    Onset
      YYYY-MM-DD HH:MM UTC, known to the hour
      P50 12 ms to 12 ms, P95 120 ms to 598 ms, P99 124 ms to 614 ms
      of 8400 requests before and 6000 after

    Suspects
    ✗ guilty   plan              Its plan changed: select * from trades where
                                 user_id = $1 order by created_at desc limit $2 no
                                 longer finds public.trades by trades_user, but
                                 reads all of it (110 ms before, 590 ms now). (100 %
                                 of the rise)
    ✗ guilty   statement         select * from trades where user_id = $1 order by
                                 created_at desc limit $2 takes 582 ms (P95), before
                                 110 ms; that is 100 % of the rise.
    ✗ guilty   growth            public.trades grew from 140 MB to 250 MB. (100 % of
                                 the rise)
    ? unknown  statistics        900,000 rows of public.trades were written since it
                                 was analyzed.
    ? unknown  locks             Who waited for whose locks was not recorded;
                                 \`holdfast locks\` shows it now.
    ✓ not it   more rows         A call brings 50 rows and 2 kB, before 50 and 2 kB.
    ✓ not it   more statements   2 statements in a request, before 2.
    ✓ not it   outbound          No other service is called by this route.
    ✓ not it   pool              Waiting for a connection is 0 % of the time, P95
                                 0.3 ms (before: 0.3 ms); that is 0 % of the rise.
    ✓ not it   event loop        The event loop holds a request up for 0.2 ms
                                 (before: 0.2 ms); that is 0 % of the rise.
    ✓ not it   one instance      3 of 3 processes are slower than the 120 ms of
                                 before: it is not one of them.
    ✓ not it   cold starts       Warm instances are slow too: 3 of 3 that ran before
                                 already.
    ✓ not it   own code          Its own code, and what else it waits for, takes 4.8
                                 ms of a request (before: 4.8 ms); that is 0 % of
                                 the rise.
    ✓ not it   general slowdown  P50 is 12 ms, before 12 ms: only some requests are
                                 slower.
    ✓ not it   traffic           10 requests a minute, before 10.
    ✓ not it   deploy            The last deploy before it is v41, 31 hours earlier.
    ✓ not it   errors            0 % of the requests failed, before 0 %.

    What changed
      public.trades grew from 140 MB to 250 MB.
      YYYY-MM-DD HH:MM UTC: select * from trades where user_id = $1 order by
      created_at desc limit $2 has a plan that reads all of public.trades that it
      did not have before.
      YYYY-MM-DD HH:MM UTC: select * from trades where user_id = $1 order by
      created_at desc limit $2 no longer finds public.trades by trades_user, but
      reads all of it (110 ms before, 590 ms now).

    Fix
      fix: Ask for an index: holdfast scan tries candidates.
      prove: holdfast prove plan-flip
      no index is advised: Nothing that it asks for is what an index finds.
    "
  `)
  const all = await run('--json')
  const document = JSON.parse(all.stdout) as {
    autopsy: { route: string; suspects: unknown[] }
    live: { findings: unknown[] }
  }
  expect(document.autopsy.route).toBe('GET /trades')
  expect(document.autopsy.suspects).toHaveLength(17)
  expect(document.live.findings).toEqual([])
})

test('a database that was never watched: what its catalog tells', { timeout: 60_000 }, async () => {
  const bare = await openTestDatabase({ migrated: false })
  try {
    await bare.db.query('create table customers (id int primary key)')
    await bare.db.query('insert into customers select generate_series(1, 150000)')
    await bare.db.query(
      `create table purchases as select n as id, n as customer_id, repeat('x', 50) as note from generate_series(1, 150000) n`,
    )
    await bare.db.query('alter table purchases add foreign key (customer_id) references customers (id)')
    await bare.db.query('analyze purchases')
    for (let n = 0; n < 12; n++) await bare.db.query(`select count(*) from purchases where note = 'secret-${n}'`)
    await bare.db.query('select pg_stat_force_next_flush()')
    const { code, stdout, stderr } = await runCli(['scan'], { DATABASE_URL: bare.url })
    expect([code, stderr]).toEqual([1, ''])
    checkWidth(stdout)
    expect(stdout).toContain('Nobody has watched this database')
    expect(stdout).toContain('create index concurrently on public.purchases (customer_id)')
    const words = stdout.replaceAll(/\s+/g, ' ')
    expect(words).toContain('150,000 changes of public.customers (150,000 rows) are not in its statistics')
    expect(words).toMatch(
      /public\.purchases \(.* rows\) was read from its beginning to its end \d+ times, 150,000 rows each/,
    )
    expect(stdout).not.toContain('secret-')
  } finally {
    await bare.close()
  }
})

test('a time that is none is refused', async () => {
  const { code, stderr } = await run('--since', 'yesterday')
  expect([code, stderr]).toEqual([2, expect.stringContaining('such as 30m')])
})
