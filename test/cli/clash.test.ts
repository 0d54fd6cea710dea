import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeReplay } from '../../src/watch/index.js'
import { clashes, fillClashes, replay } from '../helpers/clash-data.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { runCli, type CliRun } from '../helpers/run-cli.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => {
  await box.close()
})

const run = async (...args: string[]): Promise<CliRun> => await runCli(['clash', ...args], { DATABASE_URL: box.url })
const checkWidth = ({ stdout }: CliRun) => {
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
}

test('before anything was found it says how pairs are found', async () => {
  const { code, stdout } = await run()
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ok {5}No pair of requests/)
  expect(stdout).toMatch(/half a\s+second in ten/)
})

test('pairs that are kept apart are listed when they are asked for, and exit with 0', async () => {
  await fillClashes(box.db, clashes.slice(3))
  const kept = await run('--protected')
  expect([kept.code, kept.stderr]).toEqual([0, ''])
  expect(kept.stdout).toContain('kept apart by: the lock of the row that is read')
  checkWidth(kept)
})

test('lists what can collide within 80 columns, and exits with 1', async () => {
  await fillClashes(box.db, clashes.slice(0, 3))
  const [list, asJson, cut] = await Promise.all([run(), run('list', '--json'), run('--limit', '1')])
  expect([list.code, list.stderr]).toEqual([1, ''])
  expect(list.stdout).toMatch(/^act {4}aa000001 {2}lost update$/m)
  expect(list.stdout).toContain('src/orders/place-order.ts:58')
  expect(list.stdout).toContain('really met 14 times; open for up to 63ms')
  expect(list.stdout).not.toContain('bb000001')
  checkWidth(list)
  const { clashes: found } = JSON.parse(asJson.stdout) as { clashes: { id: string }[] }
  expect([asJson.code, found.map(({ id }) => id)]).toEqual([1, ['aa000001', 'aa000002', 'aa000003']])
  expect(cut.stdout).toContain('There are more: --limit')
})

test('shows one: statements, what is in vain, when they met, the replay, and the command', async () => {
  await writeReplay(box.db, 'aa000001', replay)
  const [one, other, kept, asJson] = await Promise.all([
    run('show', 'aa000001'),
    run('show', 'aa000002'),
    run('show', 'bb000001'),
    run('show', 'aa000001', '--json'),
  ])
  expect([one.code, one.stderr]).toEqual([1, ''])
  expect(one.stdout).toContain('reads: POST /shows/:id/orders src/orders/place-order.ts:41')
  expect(one.stdout).toContain('does not help: read and write are not in one')
  expect(one.stdout).toMatch(/^ {7}█+ +0.00ms–42ms$/m)
  for (const line of replay.diagram.split('\n')) expect(one.stdout).toContain(line.trimEnd())
  expect(one.stdout).toContain('fix that was tried: let the statement compute: it held')
  expect(one.stdout).toContain('replay: holdfast clash replay aa000001 --app "<command>"')
  for (const each of [one, other, kept]) checkWidth(each)
  expect(kept.code).toBe(0)
  expect(JSON.parse(asJson.stdout)).toMatchObject({ id: 'aa000001', replay: { verdict: 'clash' } })
})

test('what makes no sense is refused with the nearest that does', async () => {
  const [action, id, none, option, unknown] = await Promise.all([
    run('shwo'),
    run('aa000001'),
    run('show'),
    run('show', 'aa000001', '--protected'),
    run('show', '00000000'),
  ])
  expect([action.code, action.stderr]).toEqual([2, expect.stringContaining('did you mean "show"?')])
  expect([id.code, id.stderr]).toEqual([2, expect.stringContaining('Write holdfast clash show aa000001.')])
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('takes the id of one pair')])
  expect([option.code, option.stderr]).toEqual([2, expect.stringContaining('takes no --protected')])
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('HF_CLI_CLASH_UNKNOWN')])
})
