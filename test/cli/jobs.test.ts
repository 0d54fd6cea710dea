import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatHelp } from '../../src/cli/command.js'
import { jobsCommand } from '../../src/cli/commands/jobs.js'
import { openTerminal } from '../../src/cli/terminal.js'
import { createJobs, defineJob, type Jobs } from '../../src/jobs/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { defer, quietLogger, withJobs } from '../helpers/jobs.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'

interface Numbered {
  n: number
}

const fail = (): never => {
  throw new Error('the mail server said no, at some length, so that this has to be broken into lines')
}
const define = (name: string, handler: () => unknown = fail) => defineJob<Numbered>(name, { attempts: 1, handler })
const mail = define('mail')
const keyed = define('keyed')
const paused = define('paused', () => {})
const long = define(`reports.${'quarterly.'.repeat(8)}end`)
const hostile = define('red\u001B[31m')

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

const run = async (...args: string[]): Promise<CliRun> => await runCli(['jobs', ...args], { DATABASE_URL: box.url })
async function runJson<T>(...args: string[]): Promise<T & { code: number | null }> {
  const { code, stdout } = await run(...args, '--json')
  return { ...(JSON.parse(stdout) as T), code }
}

/** Sends so many jobs and waits until they are dead; gives their ids, oldest first. */
async function makeDead(jobs: Jobs, job: typeof mail, amount: number): Promise<string[]> {
  await jobs.sendMany(
    job,
    Array.from({ length: amount }, (_, n) => ({ n })),
  )
  const worker = await jobs.work({ jobs: [job] })
  const dead = await eventually(async () => {
    const found = await jobs.findDead({ name: job.name })
    expect(found).toHaveLength(amount)
    return found
  })
  await worker.stop()
  return dead.map(({ id }) => id)
}

async function countReady(name: string): Promise<number> {
  const [row] = await box.db.sql<{ amount: number }>`
    select count(*)::int as amount from holdfast.jobs_ready r join holdfast.jobs_queues q on q.id = r.lane >> 2
     where q.name = ${name}`
  return row?.amount as number
}

function expectFits(text: string, except: string[] = []): void {
  for (const line of text.split('\n'))
    if (!except.includes(line.trim())) expect(line.length, line).toBeLessThanOrEqual(80)
}

describe('usage', () => {
  test.each([
    [['ded'], 'did you mean "dead"?'],
    [['list-all-of-them'], 'there are dead, redrive, status, pause, resume, cancel'],
    [['dead', '--queeu', 'mail'], 'did you mean --queue?'],
    [['dead', 'mail'], '--queue <name>'],
    [['dead', '--contains', '{to: 1}'], '--contains takes JSON'],
    [['dead', '--limit', 'all'], '--limit takes a whole number'],
    [['dead', '--after', 'x'], 'not the id of a job'],
    [['pause'], 'takes the name of one queue'],
    [['pause', 'a', 'b'], 'takes the name of one queue'],
    [['pause', 'mail', '--limit', '3'], 'takes no --limit'],
    [['cancel', 'mail'], 'not the id of a job'],
    [['status', 'mail'], 'not the id of a job'],
    [['redrive', '--queue', 'mail', '--from', 'waiting'], '--from takes dead or succeeded'],
    [['redrive', '--queue', 'mail', '--per-second', 'fast'], '--per-second takes a whole number'],
    [['redrive'], 'takes ids, or --queue'],
    [['redrive', '--contains', '{}'], 'takes ids, or --queue'],
    [['redrive', '1', '--queue', 'mail'], 'not both'],
    [['redrive', 'mail'], '--queue mail'],
  ])('%j: exit code 2, nothing on stdout', async (args, hint) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('HF_CLI_USAGE')
    expect(stderr.replace(/\s+/g, ' ')).toContain(hint)
  })

  test('help fits 80 columns', () => {
    expectFits(formatHelp(jobsCommand, openTerminal({ NO_COLOR: '1' })).join('\n'))
  })

  test('no database: exit code 3; one without our tables: what to do', async () => {
    const url = new URL(box.url)
    url.port = '1'
    expect(await runCli(['jobs'], { DATABASE_URL: url.href })).toMatchObject({ code: 3, stdout: '' })
    const bare = await openTestDatabase({ migrated: false })
    const { code, stderr } = await runCli(['jobs'], { DATABASE_URL: bare.ownerUrl })
    await bare.close()
    expect(code).toBe(1)
    expect(stderr).toContain('HF_CLI_NOT_MIGRATED')
    expect(stderr).toContain('holdfast migrate')
  })
})

test('without a queue and a worker it says so', async () => {
  const { code, stdout } = await run()
  expect(code).toBe(0)
  expect(stdout).toContain('No queues yet')
  expect(stdout).toContain('0 workers alive')
})

test('lists queues and workers, readable at 80 columns, and drives no terminal', async () => {
  await withJobs(box.db, [paused, long, hostile], async (jobs) => {
    await jobs.send(paused, { n: 1 })
    await jobs.work({ jobs: [long] })
    const { code, stdout } = await run()
    expect(code).toBe(0)
    expectFits(stdout, [long.name])
    expect(stdout).toMatch(/^paused +open +\d+ m?s +\d/m)
    expect(stdout.split('\n')).toContain(long.name)
    expect(stdout).not.toContain('\u001B')
    expect(stdout).toContain('1 worker alive')
    expect(stdout).toMatch(new RegExp(`^\\S+:${process.pid} +alive`, 'm'))
    const { queues, workers } = await runJson<{ queues: object[]; workers: object[] }>()
    expect(queues).toContainEqual(expect.objectContaining({ name: 'paused', isPaused: false }))
    expect(workers).toEqual([expect.objectContaining({ isAlive: true, hasSession: true, leaseMs: 15_000 })])
  })
})

test('a worker whose session or lease has ended is not alive', async () => {
  await box.db.sql`insert into holdfast.jobs_workers (instance, lease_ms, has_session) values ('killed:1', 60000, true)`
  await box.db.sql`insert into holdfast.jobs_workers (instance, lease_ms, seen_at)
    values ('silent:2', 1000, now() - interval '1 minute')`
  const { stdout } = await run()
  expect(stdout).toContain('0 workers alive')
  expect(stdout).toMatch(/^killed:1 +gone/m)
  expect(stdout).toMatch(/^silent:2 +gone +\d+ m?s +1 m ago$/m)
  await box.db.sql`delete from holdfast.jobs_workers`
})

test('pause and resume: workers obey at once, an unknown queue is named with the nearest', async () => {
  const seen: number[] = []
  const job = define('pausable', () => seen.push(1))
  await withJobs(box.db, [job], async (jobs) => {
    await jobs.work({ pollMs: 60_000 })
    expect(await run('pause', 'pausable')).toMatchObject({ code: 0, stdout: 'paused   pausable\n' })
    await jobs.send(job, { n: 1 })
    expect((await run()).stdout).toMatch(/^pausable +paused/m)
    expect(await runJson('resume', 'pausable')).toEqual({ code: 0, queue: 'pausable', isPaused: false })
    await eventually(() => expect(seen).toHaveLength(1))
  })
  const { code, stdout, stderr } = await run('pause', 'pausabel')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('did you mean "pausable"?')
})

test('cancel takes out a job that waits, once', async () => {
  await withJobs(box.db, [paused], async (jobs) => {
    const { id } = await jobs.send(paused, { n: 2 }, { delayMs: 60_000 })
    expect(await run('cancel', id)).toMatchObject({ code: 0, stdout: `cancelled  ${id}\n` })
    const again = await run('cancel', id)
    expect(again).toMatchObject({ code: 1, stdout: `not found  ${id}\n` })
    expect(again.stderr).toContain('No job of that id waits or runs')
    expect(await runJson('cancel', id)).toEqual({ code: 1, id, answer: 'not-found' })
  })
})

test('dead letters: pages, filters, the payload only when asked for', async () => {
  await withJobs(box.db, [mail], async (jobs) => {
    const ids = await makeDead(jobs, mail, 3)
    const all = await run('dead', '--queue', 'mail')
    expect(all.code).toBe(0)
    expectFits(all.stdout)
    for (const id of ids) expect(all.stdout).toMatch(new RegExp(`^${id}  died \\d{4}-.*Z  1 attempt  mail$`, 'm'))
    expect(all.stdout).toContain('Error: the mail server said no')
    expect(all.stdout).not.toContain('{"n"')
    expect((await run('dead', '--contains', '{"n": 2}', '--payload')).stdout).toContain('{"n":2}')

    const first = await runJson<{ dead: { id: string }[]; after: string }>('dead', '--limit', '2')
    expect(first.dead.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(first.dead[0]).toMatchObject({ queue: 'mail', attempts: 1, lastError: { name: 'Error', attempt: 1 } })
    expect(first.dead[0]).not.toHaveProperty('payload')
    const second = await runJson<{ dead: { id: string }[] }>('dead', '--after', first.after)
    expect(second).toMatchObject({ dead: [{ id: ids[2] }], after: null })
    const shown = await run('dead', '--limit', '2')
    expect(shown.stderr).toContain(`--after ${ids[1]}`)
    expect((await run('dead', '--queue', 'pausable')).stdout).toBe('No dead letters.\n')
    expect((await run('dead', '--queue', 'meil')).stderr).toContain('did you mean "mail"?')
  })
})

test('redrive: shows the exact ones, sends those, and tells of ids that are no dead letter', async () => {
  const dead = (await runJson<{ dead: { id: string }[] }>('dead', '--queue', 'mail')).dead.map(({ id }) => id)
  const plan = await run('redrive', '--queue', 'mail', '--limit', '2', '--dry-run')
  expect(plan.code).toBe(0)
  expect(plan.stdout).toContain('2 jobs would be sent again')
  const listed = [...plan.stdout.matchAll(/^(\d+)  died/gm)].map(([, id]) => id)
  expect(listed).toEqual(dead.slice(0, 2))
  expect(await countReady('mail')).toBe(0)
  const filtered = await runJson('redrive', '--queue', 'mail', '--contains', '{"n": 1}')
  expect(filtered).toEqual({ code: 0, dryRun: false, redriven: 1, missing: [] })
  const named = await run('redrive', dead[0] as string, dead[1] as string)
  expect(named).toMatchObject({ code: 1, stdout: '1 job sent again\n' })
  expect(named.stderr).toContain(`No dead letter, or run to be sent again: ${dead[1]}`)
  const rest = await run('redrive', '--queue', 'mail')
  expect(rest).toEqual({ code: 0, stdout: '1 job sent again\n', stderr: '' })
  expect(await countReady('mail')).toBe(3)
})

test('redrive leaves a job dead whose unique key is taken, and the dry run says so before', async () => {
  await withJobs(box.db, [keyed], async (jobs) => {
    const ids = await makeDead(jobs, keyed, 3)
    await box.db.sql`update holdfast.jobs_dead set unique_key = 'same' where id = any(${ids.slice(0, 2)})`
    await box.db.sql`update holdfast.jobs_dead set unique_key = 'taken' where id = ${ids[2]}`
    await jobs.send(keyed, { n: 9 }, { uniqueKey: 'taken', delayMs: 60_000 })
  })
  interface Plan {
    wouldSend: { id: string }[]
    staysDead: { id: string }[]
  }
  const { wouldSend, staysDead } = await runJson<Plan>('redrive', '--queue', 'keyed', '--dry-run')
  expect([wouldSend.length, staysDead.length]).toEqual([1, 2])
  const { stdout, stderr } = await run('redrive', '--queue', 'keyed')
  expect(stdout).toBe('1 job sent again\n')
  expect(stderr).toContain('Others are still dead')
  const left = await runJson<{ dead: { id: string }[] }>('dead', '--queue', 'keyed')
  expect(left.dead.map(({ id }) => id)).toEqual(staysDead.map(({ id }) => id))
  expect((await run('redrive', ...staysDead.map(({ id }) => id))).code).toBe(1)
})

test('a long job: the overview and its status tell how far it is, its end, and its cancellation', async () => {
  const gate = defer()
  const name = `event-report.${'of-a-long-name.'.repeat(4)}`
  const job = defineJob<Numbered>(name, {
    keepMs: 3_600_000,
    handler: async ({ progress, signal }) => {
      progress(60, 120, 'orders of an event with a name that is longer than the column')
      const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      await Promise.race([gate.promise, aborted])
      return { sold: 42 }
    },
  })
  const nightly = { name: 'nightly', schedule: '0 3 * * *', timeZone: 'Europe/Lisbon', job, payload: { n: 1 } }
  const jobs = await createJobs(box.db, { jobs: [job], crons: [nightly], logger: quietLogger })
  try {
    const { id } = await jobs.send(job, { n: 1 })
    await jobs.work()
    await eventually(async () => expect((await jobs.status(id))?.progress).toMatchObject({ done: 60 }))
    const { stdout } = await run()
    expectFits(stdout, [name, long.name])
    expect(stdout).toMatch(new RegExp(`^ *${id} +\\d+ m?s +60 of 120 \\(50 %\\)  orders`, 'm'))
    expect(stdout).toMatch(/^nightly +0 3 \* \* \* +Europe\/Lisbon +in \d+ [hms]/m)
    const overview = await runJson<{ running: object[]; crons: object[] }>()
    expect(overview.running).toMatchObject([{ id, name, attempt: 1, progress: { done: 60, total: 120 } }])
    expect(overview.crons).toMatchObject([{ name: 'nightly', job: name, timeZone: 'Europe/Lisbon', firedAt: null }])

    const shown = await run('status', id)
    expectFits(shown.stdout, [`${id}  running  attempt 1  ${name}`])
    expect(shown.stdout).toContain('progress  60 of 120 (50 %)')
    expect(await run('cancel', id)).toMatchObject({ code: 0, stdout: `asked  ${id}\n` })
    await eventually(async () => expect((await run('status', id)).stdout).toContain(`${id}  cancelled  attempt 1`), {
      withinMs: 15_000,
    })

    const other = await jobs.send(job, { n: 2 })
    gate.resolve()
    await eventually(async () => expect((await jobs.status(other.id))?.state).toBe('succeeded'))
    expect((await run('status', other.id)).stdout).not.toContain('sold')
    expect((await run('status', other.id, '--payload')).stdout).toContain('result    {"sold":42}')
    const { status } = await runJson<{ status: object }>('status', other.id)
    expect(status).toMatchObject({ queue: name, state: 'succeeded', progress: { done: 60 } })
    expect(status).not.toHaveProperty('result')
    expect(await run('status', '999999')).toMatchObject({ code: 1, stdout: 'unknown  999999\n' })

    const plan = await run('redrive', '--from', 'succeeded', '--queue', name, '--dry-run')
    expect(plan.stdout).toMatch(new RegExp(`^${other.id}  succeeded \\d{4}-`, 'm'))
    expect(plan.stdout).toContain('1 job would be sent again')
    const again = await run('redrive', '--from', 'succeeded', '--queue', name, '--per-second', '10')
    expect(again).toEqual({ code: 0, stdout: '1 job sent again\n', stderr: '' })
    expect(await run('redrive', '--from', 'succeeded', other.id)).toMatchObject({ code: 1 })
  } finally {
    await jobs.close()
  }
})
