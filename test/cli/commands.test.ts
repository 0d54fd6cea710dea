import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrations } from '../../src/core/migrations.gen.js'
import { openTestDatabase, runAdmin, withDatabase, type TestDatabase } from '../helpers/database.js'
import { bin, runCli } from '../helpers/run-cli.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
})
afterAll(async () => await box.close())

const parse = (text: string) => JSON.parse(text) as Record<string, unknown>

describe('usage', () => {
  test('help lists every command and fits 80 columns', async () => {
    const { code, stdout } = await runCli([])
    expect(code).toBe(0)
    for (const name of ['dev', 'migrate', 'doctor', 'prove', 'jobs', 'locks', 'sagas', 'errors', 'uninstall'])
      expect(stdout).toContain(`  ${name}`)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  test('a reader that has seen enough is no error', async () => {
    const child = spawn(process.execPath, [bin, 'errors', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
    child.stdout.destroy()
    const [code] = (await once(child, 'close')) as [number | null]
    expect([code, complaint]).toEqual([0, ''])
  })

  test('an unknown command or option names the nearest one and exits with 2', async () => {
    const command = await runCli(['migrat'])
    expect(command).toMatchObject({ code: 2, stdout: '' })
    expect(command.stderr).toContain('HF_CLI_USAGE')
    expect(command.stderr).toContain('did you mean "migrate"?')
    const option = await runCli(['migrate', '--statsu'])
    expect(option.code).toBe(2)
    expect(option.stderr).toContain('did you mean --status?')
    expect((await runCli(['doctor', '--fail-on', 'never'])).code).toBe(2)
    expect((await runCli(['prove', 'oversell', '--seed', 'x'])).code).toBe(2)
    expect((await runCli(['migrate', 'now'])).code).toBe(2)
  })

  test('every command has a help that begins with examples', async () => {
    for (const name of ['dev', 'migrate', 'doctor', 'prove', 'jobs', 'locks', 'sagas', 'errors', 'uninstall']) {
      const { code, stdout } = await runCli([name, '--help'])
      expect(code).toBe(0)
      expect(stdout).toContain(`  holdfast ${name}`)
    }
  })
})

describe('a database that cannot be reached', () => {
  const rewrite = (change: (url: URL) => void) => {
    const url = new URL(box.url)
    change(url)
    return url.href
  }

  test.each([
    ['host', () => rewrite((url) => (url.hostname = 'no-such-host.invalid')), 'HF_CONNECT_HOST_UNKNOWN'],
    ['port', () => rewrite((url) => (url.port = '1')), 'HF_CONNECT_REFUSED'],
    [
      'user',
      () => rewrite((url) => ((url.username = 'nobody_here'), (url.password = 'pw-hidden'))),
      'HF_CONNECT_LOGIN',
    ],
    ['database', () => withDatabase(box.url, 'no_such'), 'HF_CONNECT_DATABASE_UNKNOWN'],
  ])('wrong %s: its own code, a fix, exit code 3', async (_what, url, code) => {
    const run = await runCli(['doctor'], { DATABASE_URL: url() })
    expect(run.code).toBe(3)
    expect(run.stderr).toContain(code)
    expect(run.stderr).toContain('fix: ')
    expect(run.stdout + run.stderr).not.toContain('pw-hidden')
  })

  test('a URL of another kind exits with 2', async () => {
    const run = await runCli(['doctor'], { DATABASE_URL: 'mysql://me:hunter2@x/y' })
    expect(run.code).toBe(2)
    expect(run.stderr).toContain('HF_CONNECT_URL_INVALID')
    expect(run.stderr).not.toContain('hunter2')
  })

  test('--json reports the error as a document too', async () => {
    const run = await runCli(['doctor', '--json'], { DATABASE_URL: withDatabase(box.url, 'no_such') })
    expect(parse(run.stdout)).toMatchObject({ error: { code: 'HF_CONNECT_DATABASE_UNKNOWN' } })
  })

  test('production without a URL refuses', async () => {
    const run = await runCli(['migrate'], { NODE_ENV: 'production' })
    expect(run.code).toBe(3)
    expect(run.stderr).toContain('HF_CONNECT_URL_MISSING')
  })
})

describe('migrate and doctor', () => {
  test('status before, migrate twice, status after', async () => {
    const env = { DATABASE_URL: box.ownerUrl }
    const before = await runCli(['migrate', '--status', '--json'], env)
    expect(before.code).toBe(1)
    expect(parse(before.stdout)).toMatchObject({ upToDate: false })
    const doctorBefore = await runCli(['doctor', '--json'], env)
    expect(doctorBefore.code).toBe(1)
    const first = await runCli(['migrate', '--json'], env)
    expect(parse(first.stdout)).toEqual({ applied: migrations.map(({ name }) => name) })
    expect((await runCli(['migrate'], env)).stdout).toBe('Nothing to do: all migrations are applied.\n')
    const after = await runCli(['migrate', '--status'], env)
    expect(after.code).toBe(0)
    expect(after.stdout).toContain('Up to date.')
  })

  test('doctor finds what was changed by hand', async () => {
    await runAdmin(box.ownerUrl, 'alter table holdfast.core_migrations drop column package')
    const run = await runCli(['doctor', '--json'], { DATABASE_URL: box.ownerUrl })
    expect(run.code).toBe(1)
    const { findings } = parse(run.stdout) as { findings: { id: string; severity: string; evidence: string }[] }
    const drift = findings.find(({ id }) => id === 'schema.drift')
    expect(drift).toMatchObject({ severity: 'act' })
    expect(drift?.evidence).toContain('column core_migrations.package missing')
  })

  test('print needs no database and holds every migration', async () => {
    const { code, stdout } = await runCli(['migrate', '--print'], { NODE_ENV: 'production' })
    expect(code).toBe(0)
    for (const { name } of migrations) expect(stdout).toContain(`-- ${name}`)
  })
})

describe('the runtime role', () => {
  test('gets its rights with --grant-to, repeated or as a list; doctor tells before and after', async () => {
    const other = await openTestDatabase({ migrated: false })
    const [asOwner, asRuntime] = [{ DATABASE_URL: other.ownerUrl }, { DATABASE_URL: other.url }]
    const refused = await runCli(['migrate'], asRuntime)
    expect(refused.code).toBe(1)
    expect(refused.stderr.replace(/\s+/g, ' ')).toContain('the role that owns the schema')
    await runCli(['migrate'], asOwner)
    const blind = await runCli(['doctor', '--json'], asRuntime)
    expect(blind.code).toBe(1)
    expect(blind.stdout).toContain(`holdfast migrate --grant-to ${other.role}`)
    const admin = new URL(other.ownerUrl).username
    const granted = await runCli(['migrate', '--json', '--grant-to', other.role, `--grant-to=${admin},`], asOwner)
    expect(parse(granted.stdout)).toEqual({ applied: [], grantedTo: [other.role, admin] })
    const sighted = parse((await runCli(['doctor', '--json'], asRuntime)).stdout) as { findings: { id: string }[] }
    expect(sighted.findings.find(({ id }) => id === 'role.grants')).toMatchObject({ severity: 'ok' })
    expect(await runCli(['migrate', '--grant-to', 'no_such_role'], asOwner)).toMatchObject({ code: 2 })
    await other.close()
  }, 60_000)

  test('--print prints its rights, and never DDL or ownership for it', async () => {
    const { stdout } = await runCli(['migrate', '--print', '--grant-to', 'app,Odd "role"'], { NODE_ENV: 'production' })
    expect(stdout).toContain('grant usage on schema holdfast to "app";')
    expect(stdout).toContain('grant select on holdfast.core_migrations to "Odd ""role""";')
    expect(stdout).toContain('grant select, insert, update, delete on holdfast.core_instances to "app";')
    expect(stdout).toContain('alter default privileges in schema holdfast grant')
    expect(stdout).not.toMatch(/grant (all|create)|owner to/i)
  })
})

describe('uninstall', () => {
  test('without --yes shows what it would do and changes nothing; with it nothing is left', async () => {
    const other = await openTestDatabase()
    const env = { DATABASE_URL: other.ownerUrl }
    const asked = await runCli(['uninstall'], env)
    expect(asked).toMatchObject({ code: 2, stdout: 'drop schema if exists holdfast cascade;\n' })
    expect(asked.stderr).toContain('core_instances')
    expect((await runCli(['migrate', '--status'], env)).code).toBe(0)
    const done = await runCli(['uninstall', '--yes', '--json'], env)
    expect(done.code).toBe(0)
    expect(parse(done.stdout)).toMatchObject({ dropped: true, instances: 1 })
    expect(await runAdmin(other.ownerUrl, `select 1 from pg_namespace where nspname = 'holdfast'`)).toEqual([])
    expect(await runAdmin(other.ownerUrl, 'select 1 from pg_default_acl')).toEqual([])
    await other.close()
  }, 60_000)
})

describe('errors', () => {
  test('explains one, lists many, suggests the nearest', async () => {
    const one = await runCli(['errors', 'HF_TX_ABORTED'])
    expect(one.stdout).toContain('COMMIT was answered with ROLLBACK')
    expect(one.stdout).toContain('fix: ')
    const many = await runCli(['errors', 'pool', '--json'])
    expect((JSON.parse(many.stdout) as { code: string }[]).map(({ code }) => code)).toContain('HF_POOL_TIMEOUT')
    const none = await runCli(['errors', 'HF_TX_ABORTET'])
    expect(none.code).toBe(2)
    expect(none.stderr.replace(/\s+/g, ' ')).toContain('did you mean HF_TX_ABORTED?')
  })
})

describe('prove', () => {
  test.each(['oversell', 'lost-commit', 'pool-deadlock', 'slow-client'])(
    '%s: the naive side breaks an invariant, the protected one none',
    async (name) => {
      const { code, stdout } = await runCli(['prove', name, '--json'], { DATABASE_URL: box.ownerUrl })
      const document = JSON.parse(stdout) as {
        experiment: string
        sides: { name: string; invariants: { held: boolean }[] }[]
        versions: Record<string, string>
        proven: boolean
      }
      expect(document).toMatchObject({ experiment: name, seed: 1, proven: true })
      const held = (side: string) =>
        document.sides.find((each) => each.name === side)?.invariants.every((each) => each.held)
      expect(held('naive')).toBe(false)
      expect(held('protected')).toBe(true)
      expect(code).toBe(0)
      expect(await box.db.sql`select nspname from pg_namespace where nspname like 'holdfast_prove%'`).toEqual([])
    },
    60_000,
  )
})
