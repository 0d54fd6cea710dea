import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmbedded } from '../../src/embedded/index.js'
import { spawnClient } from './clients.js'
import { execute, isRoot, killHard, listProcesses, prepareSeed, query, until, withScratch } from './scratch.js'

const seed = prepareSeed()

async function countKinds(scratch: string) {
  const found = await listProcesses(scratch)
  return {
    postmasters: found.filter(({ kind }) => kind === 'postmaster'),
    guardians: found.filter(({ kind }) => kind === 'guardian'),
  }
}

test(
  'processes that start in a fresh folder at the same instant share one server; the last to leave stops it',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      const dir = join(scratch, 'home')
      const startAt = Date.now() + 500
      const clients = Array.from({ length: 3 }, () => spawnClient({ dir, startAt }))
      const answers = await Promise.all(clients.map(({ answer }) => answer))
      expect(answers.map(({ ok }) => ok)).toEqual([true, true, true])
      expect(new Set(answers.map(({ url }) => url)).size).toBe(1)
      expect(answers.filter(({ shared }) => !shared).length).toBe(1)
      expect((await countKinds(scratch)).postmasters.length).toBe(1)

      const url = answers[0]!.url
      const [first, second, last] = clients
      await first!.stop()
      // Ctrl-C in a program that does not handle it.
      second!.child.kill('SIGINT')
      const alone = await until(async () => ((await countKinds(scratch)).guardians.length === 1 ? true : undefined))
      expect(alone).toBe(true)
      expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
      await last!.kill()
      expect(await until(async () => ((await listProcesses(scratch)).length === 0 ? true : undefined))).toBe(true)
      expect(await readdir(join(dir, 'clients'))).toEqual([])
    }),
)

test('one process may start twice; leaving once keeps the server for the other', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const one = await startEmbedded({ dir })
    const two = await startEmbedded({ dir, database: "it's another" })
    expect([one.shared, two.shared]).toEqual([false, true])
    await one.stop()
    expect(await query(two.url, 'select current_database() as name')).toEqual([{ name: "it's another" }])
    await two.stop()
  }),
)

test('a client that ends without stop() is not kept alive, and its server ends with it', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const client = spawnClient({ dir })
    expect((await client.answer).ok).toBe(true)
    client.child.stdin!.end()
    expect(await until(async () => ((await listProcesses(scratch)).length === 0 ? true : undefined))).toBe(true)
  }),
)

test('starts and stops that cross each other never meet a half-stopped server', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const live = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        const server = await startEmbedded({ dir })
        expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])
        await server.stop()
      }
    }
    await Promise.all([live(3), live(3)])
  }),
)

test('a killed guardian is replaced, so that the server still ends with its client', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const client = spawnClient({ dir })
    const { url } = await client.answer
    const [guardian] = (await countKinds(scratch)).guardians
    killHard(guardian!.pid)
    const replaced = await until(async () => {
      const names = await readdir(join(dir, 'clients'))
      const { guardians } = await countKinds(scratch)
      return guardians.some(({ pid }) => pid !== guardian!.pid) &&
        names.filter((name) => name.endsWith('.json')).length === 1
        ? true
        : undefined
    })
    expect(replaced).toBe(true)
    expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }])
    await client.kill()
    expect(await until(async () => ((await listProcesses(scratch)).length === 0 ? true : undefined))).toBe(true)
  }),
)

test('joining a server that runs with other settings is refused', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const server = await startEmbedded({ dir, settings: { work_mem: '8MB' } })
    const same = await startEmbedded({ dir, settings: { work_mem: '8MB' } })
    await same.stop()
    await expect(startEmbedded({ dir, settings: { work_mem: '9MB' } })).rejects.toMatchObject({
      code: 'HF_EMBEDDED_SETTINGS',
      exitCode: 3,
    })
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await server.stop()
  }),
)

test.skipIf(!isRoot)(
  'a container that shares the folder is refused while the server runs outside',
  { timeout: 60_000 },
  async (context) => {
    const wrapper = ['unshare', '--pid', '--fork', '--mount-proc']
    const can = await execute('unshare', [...wrapper.slice(1), 'true']).then(
      () => true,
      () => false,
    )
    if (!can) return context.skip('no rights to make a PID namespace')
    await withScratch(async (scratch) => {
      const dir = await seed.copyTo(join(scratch, 'home'))
      const server = await startEmbedded({ dir })
      const inside = spawnClient({ dir }, { wrapper })
      expect(await inside.answer).toMatchObject({ code: 'HF_EMBEDDED_ELSEWHERE', exitCode: 3 })
      expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])
      await server.stop()
      const alone = spawnClient({ dir }, { wrapper })
      expect(await alone.answer).toMatchObject({ ok: true, shared: false })
      await alone.stop()
    })
  },
)
