import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmbedded } from '../../src/embedded/index.js'
import { spawnClient } from './clients.js'
import { copyTree, prepareSeed, query, withScratch } from './scratch.js'

const seed = prepareSeed()

test('a fresh folder gives a server for this machine only, which comes back at the same URL', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = join(scratch, 'home')
    const server = await startEmbedded({ dir, settings: { work_mem: '7MB' } })
    expect(server).toMatchObject({ shared: false, dataDir: join(dir, 'pg') })
    expect(server.url).toMatch(/^postgres:\/\/postgres:[\w-]{32}@127\.0\.0\.1:\d+\/app$/)
    expect(server.version).toMatch(/^18\./)

    const [settings] = await query(
      server.url,
      `select current_setting('listen_addresses') listen, current_setting('unix_socket_directories') sockets,
              current_setting('max_connections') connections, current_setting('fsync') fsync,
              current_setting('server_encoding') encoding, current_setting('work_mem') work_mem,
              current_setting('password_encryption') encryption, upper('ä') upper`,
    )
    expect(settings).toEqual({
      listen: '127.0.0.1',
      sockets: '',
      connections: '200',
      fsync: 'on',
      encoding: 'UTF8',
      work_mem: '7MB',
      encryption: 'scram-sha-256',
      upper: 'Ä',
    })
    const wrong = server.url.replace(/postgres:[\w-]+@/, 'postgres:wrong@')
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' })

    const password = new URL(server.url).password
    expect((await stat(join(dir, 'password'))).mode & 0o777).toBe(0o600)
    expect((await readFile(join(dir, 'password'), 'utf8')).trim()).toBe(password)
    expect(await readFile(join(dir, '.gitignore'), 'utf8')).toBe('*\n')

    await query(server.url, 'create table kept as select 42 as answer')
    await server.stop()
    await server.stop()
    await expect(query(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })

    const again = await startEmbedded({ dir })
    expect(again.url).toBe(server.url)
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }])
    await again.stop()
    for (const name of ['postgres.log', 'guardian.log']) {
      expect(await readFile(join(dir, name), 'utf8')).not.toContain(password)
    }
    expect((await readdir(dir)).filter((name) => /^(lock|initdb)/.test(name))).toEqual([])
  }),
)

test(
  'a port that somebody else took since is replaced, and so is one lost at the last moment',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      const dir = await seed.copyTo(join(scratch, 'home'))
      const last = JSON.parse(await readFile(join(dir, 'last-start.json'), 'utf8'))
      const squatter = createServer().listen(last.port, '127.0.0.1')
      const server = await startEmbedded({ dir })
      expect(new URL(server.url).port).not.toBe(String(last.port))
      expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])
      await server.stop()
      squatter.close()

      // Two folders that prefer one port and begin together: both look, both see it free, one loses.
      const other = await copyTree(dir, join(scratch, 'other'))
      await writeFile(join(dir, 'last-start.json'), JSON.stringify({ ...last, settings: {} }))
      await writeFile(join(other, 'last-start.json'), JSON.stringify({ ...last, settings: {} }))
      const startAt = Date.now() + 400
      const clients = [dir, other].map((folder) => spawnClient({ dir: folder, startAt }))
      const answers = await Promise.all(clients.map(({ answer }) => answer))
      expect(answers.map(({ ok, shared }) => [ok, shared])).toEqual([
        [true, false],
        [true, false],
      ])
      expect(new Set(answers.map(({ url }) => url)).size).toBe(2)
      await Promise.all(clients.map((client) => client.stop()))
    }),
)

test('stopping takes less than two seconds while clients are connected and busy', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const server = await startEmbedded({ dir: await seed.copyTo(join(scratch, 'home')) })
    const busy = ['select pg_sleep(60)', 'select count(*) from generate_series(1, 1e10)']
    const ends = Promise.allSettled(busy.map((text) => query(server.url, text)))
    const begun = performance.now()
    await server.stop()
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  }),
)
