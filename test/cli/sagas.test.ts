import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatHelp } from '../../src/cli/command.js'
import { sagasCommand } from '../../src/cli/commands/sagas.js'
import { openTerminal } from '../../src/cli/terminal.js'
import {
  createSagas,
  defineSaga,
  type SagaDetails,
  type SagaRow,
  type Sagas,
  type Worker,
} from '../../src/sagas/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'

const longId = `order:${'of-a-long-name.'.repeat(9)}7`
const hostile = 'red\u001B[31m, at some length, so that this has to be broken into lines that fit'

const checkout = defineSaga('checkout', { version: 1 }, async (s, _input: { card: string }) => {
  await s.tx('reserve', { do: async () => ({ seat: 'secret-A7' }), undo: async () => {} })
  await s.call('charge', {
    do: () => 'secret-9',
    undo: () => {
      throw new Error(hostile)
    },
    undoRetry: { attempts: 1 },
  })
  await s.waitFor('paid', { timeoutMs: 3_600_000 })
})
const old = defineSaga(
  'legacy',
  { version: 2 },
  async (s, _input: { card: string }) => await s.sleep('night', 3_600_000),
)

let box: TestDatabase
let sagas: Sagas
let worker: Worker
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => {
  await sagas.close()
  await box.close()
})

const run = async (...args: string[]): Promise<CliRun> => await runCli(['sagas', ...args], { DATABASE_URL: box.url })
async function runJson<T>(...args: string[]): Promise<T & { code: number | null }> {
  const { code, stdout } = await run(...args, '--json')
  return { ...(JSON.parse(stdout) as T), code }
}

function expectFits(text: string, except: string[] = []): void {
  for (const line of text.split('\n'))
    if (!except.some((each) => line.includes(each))) expect(line.length, line).toBeLessThanOrEqual(80)
}

async function until(id: string, state: string): Promise<void> {
  await eventually(async () => expect((await sagas.get(id))?.state).toBe(state))
}

describe('usage', () => {
  test.each([
    [['lst'], 'did you mean "list"?'],
    [['everything-there-is'], 'there are list, show, cancel, retry, skip-undo'],
    [['constructor'], 'has no action "constructor"'],
    [['list', 'checkout'], '--name <name>'],
    [['list', '--state', 'stck'], 'did you mean "stuck"?'],
    [['list', '--nme', 'x'], 'did you mean --name?'],
    [['list', '--limit', 'all'], '--limit takes a whole number'],
    [['list', '--reason', 'x'], 'takes no --reason'],
    [['show'], 'takes the id of one saga'],
    [['skip-undo', 'a', '--reason', 'x'], 'the name of one step'],
    [['skip-undo', 'a', 'b'], 'wants a --reason'],
  ])('%j is refused', async (args, hint) => {
    const { code, stdout, stderr } = await run(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain(hint)
  })

  test('help fits 80 columns', () => {
    expectFits(formatHelp(sagasCommand, openTerminal({ NO_COLOR: '1' })).join('\n'))
  })
})

test('without our tables it says so', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const [overview, show] = [
    await runCli(['sagas'], { DATABASE_URL: bare.ownerUrl }),
    await runCli(['sagas', 'show', 'a'], { DATABASE_URL: bare.ownerUrl }),
  ]
  const doctor = await runCli(['doctor', '--json'], { DATABASE_URL: bare.ownerUrl })
  await bare.close()
  expect(overview.code).toBe(0)
  expect(overview.stdout).toMatch(/^watch {2}The tables of sagas are not in this database/)
  expect([show.code, show.stderr.split(' ')[0]]).toEqual([1, 'HF_CLI_NOT_MIGRATED'])
  expect(doctor.stdout).not.toContain('"sagas')
})

test('none is known; then some have no code, which the doctor tells too', async () => {
  expect(await run()).toMatchObject({ code: 0, stdout: expect.stringContaining('No saga is known yet') as string })
  const others = await createSagas(box.db, { sagas: [old], logger: quietLogger })
  await others.start(old, { card: '' }, { id: 'legacy:1' })
  await others.close()
  const idle = await runCli(['doctor', '--json'], { DATABASE_URL: box.url })
  const { findings: calm } = JSON.parse(idle.stdout) as { findings: { id: string; severity: string }[] }
  expect(calm).toContainEqual(expect.objectContaining({ id: 'sagas.stranded.legacy.v2', severity: 'watch' }))
  sagas = await createSagas(box.db, { sagas: [checkout], logger: quietLogger })
  worker = await sagas.work({ pollMs: 50 })
  const { code, stdout } = await run()
  expect(code).toBe(1)
  expectFits(stdout)
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('act 1 saga of legacy v2 has no code')
  expect(stdout).toMatch(/^legacy v2 +0 +0 +1 +\d+ m?s +0 +0$/m)
  expect(stdout).toMatch(new RegExp(`^\\S+:${process.pid} +alive`, 'm'))
  const doctor = await runCli(['doctor', '--json'], { DATABASE_URL: box.url })
  const { findings } = JSON.parse(doctor.stdout) as { findings: { id: string; severity: string; prove: string }[] }
  expect(findings).toContainEqual(
    expect.objectContaining({ id: 'sagas.stranded.legacy.v2', severity: 'act', prove: 'holdfast sagas' }),
  )
})

test('one that waits is shown; told to end it is stuck in undoing; no terminal is driven, no payload shown unasked', async () => {
  await sagas.start(checkout, { card: 'secret-4242' }, { id: longId })
  await until(longId, 'waiting')
  const waits = await run('show', longId)
  expect(waits.code).toBe(0)
  expectFits(waits.stdout, [longId])
  expect(waits.stdout).toContain('It waits for the signal paid, for 60 min at most.')
  expect(waits.stdout).toMatch(/^ {2}3 {2}wait {3}paid {2}under way {2}\d+ m?s {2}until \d{4}-.*Z$/m)
  expect(waits.stdout).not.toContain('secret')
  expect(await run('cancel', longId, '--reason', 'changed my mind')).toMatchObject({
    code: 0,
    stdout: `asked  ${longId}\n`,
  })
  await until(longId, 'stuck')
  const stuck = await run('show', longId)
  expect(stuck.code).toBe(1)
  expectFits(stuck.stdout, [longId])
  expect(stuck.stdout).not.toContain('\u001B')
  expect(stuck.stdout).toContain('undo: to come, if it has one')
  expect(stuck.stdout).toContain('undo: failing, 1 attempt: Error: red')
  expect(stuck.stdout).toMatch(/cancel by cli: \S+: changed my mind/)
  expect((await run('show', longId, '--payload')).stdout).toContain('{"seat": "secret-A7"}')
  const listed = await run('list')
  expect(listed.code).toBe(0)
  expectFits(listed.stdout, [longId])
  expect(listed.stdout).toContain('undo of charge: Error: red')
  expect((await runJson<{ sagas: SagaRow[] }>('list', '--state', 'stuck')).sagas).toMatchObject([{ id: longId }])
  expect(await run('list', '--state', 'done')).toMatchObject({ code: 0, stdout: 'None is done.\n' })
  const unknown = await run('list', '--name', 'chekout')
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('did you mean "checkout"?') as string])
  expect((await run()).stdout.replaceAll(/\s+/g, ' ')).toContain(
    '1 saga of checkout v1 is stuck, and waits for a person.',
  )
})

test('retry, skip-undo: done once, kept with who did it; a saga that is not there', async () => {
  expect(await run('retry', longId)).toMatchObject({ code: 0, stdout: `retried  ${longId}\n` })
  await until(longId, 'stuck')
  const wrong = await run('skip-undo', longId, 'ship', '--reason', 'x')
  expect([wrong.code, wrong.stderr.split(' ')[0]]).toEqual([1, 'HF_SAGAS_NOT_STUCK'])
  expect(await runJson('skip-undo', longId, 'charge', '--reason', 'refunded by hand')).toMatchObject({
    code: 0,
    id: longId,
    reason: 'refunded by hand',
    isDone: true,
  })
  await until(longId, 'compensated')
  const shown = await runJson<SagaDetails>('show', longId)
  expect(shown).toMatchObject({ code: 0, state: 'compensated', input: null })
  expect(shown.actions.map(({ action, step }) => [action, step])).toEqual([
    ['cancel', null],
    ['retry', null],
    ['skip-undo', 'charge'],
  ])
  expect(await run('retry', longId)).toMatchObject({ code: 1, stdout: `not stuck  ${longId}\n` })
  expect(await run('cancel', longId)).toMatchObject({ code: 1, stdout: `ended  ${longId}\n` })
  const missing = await run('show', 'nobody')
  expect([missing.code, missing.stderr.split(' ')[0]]).toEqual([1, 'HF_SAGAS_NOT_FOUND'])
  await box.db.query(`delete from holdfast.sagas_instances where id = 'legacy:1'`)
  expect(await run()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok {5}Nothing is wrong/) as string })
  await worker.stop()
})
