import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
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
  const shown = stdout
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, '<time>')
    .replaceAll(/\d+ hours\s+ago/g, '<n> hours ago')
    .split('\n')
    .map((line) => line.trim())
  for (const line of ['Onset', 'Suspects', 'What changed', 'Fix']) expect(shown).toContain(line)
  expect(stdout).toMatchSnapshot('headings and suspects without times')
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
    await runAdmin(bare.ownerUrl, 'select pg_stat_force_next_flush()')
    const { code, stdout, stderr } = await runCli(['scan'], { DATABASE_URL: bare.url })
    expect([code, stderr]).toEqual([1, ''])
    checkWidth(stdout)
    expect(stdout).toContain('Nobody has watched this database')
    expect(stdout).toContain('create index concurrently on public.purchases (customer_id)')
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'public.customers are not in its statistics'.replace('public.customers are', 'changes of public.customers'),
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
