import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmbedded } from '../../src/embedded/index.js'
import { spawnClient } from './clients.js'
import { killHard, listProcesses, prepareSeed, query, until, withScratch } from './scratch.js'

const seed = prepareSeed()

test('after kill -9 of everything the next start recovers, with the committed data', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const client = spawnClient({ dir })
    const { url } = await client.answer
    await query(url, 'create table late as select 7 as number')
    // The guardian first: it would clean up otherwise.
    const everything = await listProcesses(scratch)
    const order = ['guardian', 'other', 'postmaster', 'backend']
    for (const { pid } of everything.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) killHard(pid)
    await client.kill()
    expect(await readdir(join(dir, 'pg'))).toContain('postmaster.pid')

    const again = await startEmbedded({ dir })
    expect(again).toMatchObject({ shared: false, url })
    expect(await query(again.url, 'select number from late')).toEqual([{ number: 7 }])
    expect((await readdir(join(dir, 'clients'))).length).toBe(1)
    await again.stop()
  }),
)

test('a server whose client and guardian were killed is joined again', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const client = spawnClient({ dir })
    const { url } = await client.answer
    // Stopped first, because it would replace its guardian.
    client.child.kill('SIGSTOP')
    for (const { pid } of (await listProcesses(scratch)).filter(({ kind }) => kind === 'guardian')) killHard(pid)
    await client.kill()
    const again = await startEmbedded({ dir })
    expect(again).toMatchObject({ shared: true, url })
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }])
    await again.stop()
  }),
)

test('backends that outlive a killed postmaster in the middle of a computation are ended', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const client = spawnClient({ dir, settings: { max_parallel_workers_per_gather: '0' } })
    const { url } = await client.answer
    const endless = query(url, 'select count(*) from generate_series(1, 1e12) a').catch(() => 'ended')
    await until(async () => {
      const running = await query(
        url,
        `select 1 from pg_stat_activity where query like '%generate_series%' and state = 'active'`,
      )
      return running.length > 1 ? true : undefined
    })
    const found = await listProcesses(scratch)
    for (const kind of ['guardian', 'postmaster']) {
      for (const { pid } of found.filter((process) => process.kind === kind)) killHard(pid)
    }
    await client.kill()
    const again = await startEmbedded({ dir })
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }])
    expect(await endless).toBe('ended')
    await again.stop()
  }),
)

test(
  'stale files are seen through: a reused process number, locks and registrations of the dead',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      const dir = await seed.copyTo(join(scratch, 'home'))
      // A process that lives and is no server has the number that the pid file names.
      const sleeper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
      await once(sleeper, 'spawn')
      const lines = [sleeper.pid, join(dir, 'pg'), 1_700_000_000, 5999, '', '127.0.0.1', '', 'ready   ']
      await writeFile(join(dir, 'pg', 'postmaster.pid'), `${lines.join('\n')}\n`)
      const reused = { pid: sleeper.pid, start: 'boot-1' }
      await writeFile(join(dir, 'lock'), JSON.stringify({ ...reused, nonce: 'abc' }))
      await writeFile(join(dir, 'clients', 'old.json'), JSON.stringify({ id: 'old', client: reused, guardian: reused }))
      await writeFile(join(dir, 'clients', 'torn.json'), '{"id":')

      const startAt = Date.now() + 400
      const clients = [1, 2, 3].map(() => spawnClient({ dir, startAt }))
      const answers = await Promise.all(clients.map(({ answer }) => answer))
      expect(answers.filter(({ ok, shared }) => ok && !shared).length).toBe(1)
      expect(new Set(answers.map(({ url }) => url)).size).toBe(1)
      expect((await readdir(join(dir, 'clients'))).length).toBe(3)
      await Promise.all(clients.map((client) => client.stop()))
      expect(await readFile(join(dir, 'guardian.log'), 'utf8')).toMatch(/is stopped/)
      sleeper.kill('SIGKILL')
      await once(sleeper, 'exit')
    }),
)

test('a client killed in the middle of a start leaves nothing running and no half cluster', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = join(scratch, 'home')
    const client = spawnClient({ dir })
    client.answer.catch(() => undefined)
    const begun = await until(async () =>
      (await listProcesses(scratch)).some(({ command }) => /initdb/.test(command)) ? true : undefined,
    )
    expect(begun).toBe(true)
    await client.kill()
    expect(await until(async () => ((await listProcesses(scratch)).length === 0 ? true : undefined))).toBe(true)
    const server = await startEmbedded({ dir })
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect((await readdir(dir)).filter((name) => name.startsWith('initdb-'))).toEqual([])
    await server.stop()
  }),
)
