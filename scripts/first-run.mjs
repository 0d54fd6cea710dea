// The first minutes of a newcomer, in fresh clones: install, start, Ctrl-C, start again, kill -9, start again.
// As root: once below a folder that others cannot enter and without npm's install scripts, and once as an ordinary
// user with them. As an ordinary user only the latter. Ends with `N passed, N failed`.
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const READY_MS = 15_000
const TRAFFIC_MS = 30_000
const END_MS = 5_000
const counts = { passed: 0, failed: 0 }

/** @typedef {{ name: string, installArgs: string[], mode: number, owner?: { uid: number, gid: number } | undefined }} Variant */
/** @typedef {{ folder: string, clone: string, variant: Variant, env: NodeJS.ProcessEnv }} Stage */

/** @param {string} what @param {() => Promise<string | void>} attempt */
async function verify(what, attempt) {
  const started = performance.now()
  try {
    const detail = await attempt()
    counts.passed++
    process.stdout.write(
      `ok    ${what}${detail ? `: ${detail}` : ''}  (${((performance.now() - started) / 1000).toFixed(1)} s)\n`,
    )
  } catch (error) {
    counts.failed++
    process.stdout.write(`FAIL  ${what}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

/** @param {Stage} stage @param {string[]} command @param {NodeJS.ProcessEnv} [extra] */
function start({ clone, variant, env }, [program = '', ...args], extra = {}) {
  const child = spawn(program, args, {
    cwd: clone,
    detached: true,
    env: { ...env, ...extra },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...variant.owner,
  })
  const run = {
    pid: child.pid ?? 0,
    output: '',
    ended: /** @type {Promise<number | null>} */ (Promise.resolve(null)),
    hasEnded: false,
  }
  child.stdout.on('data', (chunk) => (run.output += chunk))
  child.stderr.on('data', (chunk) => (run.output += chunk))
  run.ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)))
  void run.ended.then(() => (run.hasEnded = true))
  return run
}

/** @typedef {ReturnType<typeof start>} Run */

/** @template T @param {() => Promise<T>} attempt @param {number} withinMs @param {Run} [run] @returns {Promise<T>} */
async function eventually(attempt, withinMs, run) {
  const endsAt = performance.now() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (run?.hasEnded) throw new Error(`the process ended: ${run.output.slice(-1500)}`, { cause: error })
      if (performance.now() > endsAt)
        throw new Error(
          `not within ${withinMs} ms: ${error instanceof Error ? error.message : ''} ${run?.output.slice(-1500) ?? ''}`,
          { cause: error },
        )
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/** @param {number} port @param {string} path */
async function fetchOk(port, path) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) })
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return response
}

async function findFreePort() {
  return await new Promise((/** @type {(port: number) => void} */ resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** Every process below one, by the kernel's table. @param {number} pid @returns {Promise<number[]>} */
async function listTree(pid) {
  const parents = new Map()
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : ''
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const tree = [pid]
  for (const each of tree) for (const [child, parent] of parents) if (parent === each) tree.push(child)
  return tree
}

/** Processes of the embedded server of this clone: told by the data folder in their postmaster.pid. @param {Stage} stage */
async function findPostmaster({ folder, clone }) {
  for (const base of [join(clone, '.holdfast'), '/var/lib/holdfast', folder]) {
    const names = await readdir(base, { recursive: true }).catch(() => [])
    for (const name of names.filter((each) => each.endsWith('postmaster.pid'))) {
      const pid = Number((await readFile(join(base, name), 'utf8')).split('\n')[0])
      if (base.startsWith(folder) || (await belongsTo(clone, base, name))) return pid
    }
  }
  return undefined
}

/** A data folder outside the clone is ours when the pointer left in the clone names it. @param {string} clone @param {string} base @param {string} name */
async function belongsTo(clone, base, name) {
  const pointers = await readdir(join(clone, '.holdfast')).catch(() => [])
  const texts = await Promise.all(
    pointers.map((file) => readFile(join(clone, '.holdfast', file), 'utf8').catch(() => '')),
  )
  const dataDir = join(base, name, '..')
  return texts.some((text) => text.includes(dataDir) || dataDir.startsWith(text.trim() || '\0'))
}

/** @param {number} pid */
const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** @param {Stage} stage @param {Run} run */
async function interrupt(stage, run) {
  const postmaster = await findPostmaster(stage)
  const tree = await listTree(run.pid)
  process.kill(-run.pid, 'SIGINT')
  const started = performance.now()
  await eventually(async () => {
    const left = [...tree, postmaster ?? 0].filter((pid) => pid > 0 && isAlive(pid))
    if (left.length > 0) throw new Error(`still running: ${left.join(', ')}`)
  }, END_MS)
  if (postmaster === undefined) throw new Error('the server was not found while it ran')
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}

/** @param {Stage} stage @param {Run} run */
async function killTree(stage, run) {
  const postmaster = await findPostmaster(stage)
  const tree = await listTree(run.pid)
  const server = postmaster === undefined ? [] : await listTree(postmaster)
  for (const pid of [...tree, ...server]) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Ended with its parent.
    }
  }
  await run.ended
}

/** @param {number} port @param {Run} run */
async function waitUntilReady(port, run) {
  await eventually(
    async () => {
      await fetchOk(port, '/health')
      await fetchOk(port, '/_holdfast/')
    },
    READY_MS,
    run,
  )
}

/** @param {Variant} variant */
async function runVariant(variant) {
  process.stdout.write(`\n${variant.name}\n`)
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-first-'))
  const clone = join(folder, 'clone')
  const { DATABASE_URL: _u, DATABASE_DIRECT_URL: _d, NODE_ENV: _n, CI: _c, ...env } = process.env
  const stage = { folder, clone, variant, env: { ...env, HOME: folder, npm_config_cache: join(folder, 'npm-cache') } }
  try {
    await runToEnd({ ...stage, clone: folder, variant: { ...variant, owner: undefined } }, [
      'git',
      'clone',
      '-q',
      `file://${root}`,
      clone,
    ])
    // Cloned as ourselves: git refuses a repository of another owner.
    if (variant.owner)
      await runToEnd({ ...stage, clone: folder, variant: { ...variant, owner: undefined } }, [
        'chown',
        '-R',
        `${variant.owner.uid}:${variant.owner.gid}`,
        folder,
      ])
    await chmod(folder, variant.mode)
    await verify('npm ci', async () => await runToEnd(stage, ['npm', 'ci', ...variant.installArgs]))
    await walkThrough(stage)
  } finally {
    await removeOutsideData(clone)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Data that had to live outside the clone outlive it by design; these are of no use to anybody. @param {string} clone */
async function removeOutsideData(clone) {
  const text = await readFile(join(clone, '.holdfast/data-location.json'), 'utf8').catch(() => '')
  const { data } = text ? JSON.parse(text) : {}
  if (typeof data === 'string' && data.startsWith('/var/lib/holdfast/'))
    await rm(join(data, '..'), { recursive: true, force: true })
}

/** @param {Stage} stage @param {string[]} command */
async function runToEnd(stage, command) {
  const run = start(stage, command)
  if ((await run.ended) !== 0) throw new Error(run.output.slice(-1500))
}

/** @param {Stage} stage */
async function walkThrough(stage) {
  const port = await findFreePort()
  const npmStart = (/** @type {NodeJS.ProcessEnv} */ env) =>
    start(stage, ['npm', 'start'], { PORT: String(port), ...env })
  let run = npmStart({})
  await verify('npm start answers /health and /_holdfast/ within 15 s', async () => await waitUntilReady(port, run))
  await verify(
    'traffic is visible on Now within 30 s',
    async () =>
      await eventually(
        async () => {
          const now = /** @type {{ seconds: { requests: number }[] }} */ (
            await (await fetchOk(port, '/_holdfast/api/now')).json()
          )
          const seen = now.seconds.reduce((sum, { requests }) => sum + requests, 0)
          if (seen < 10) throw new Error(`${seen} requests seen`)
          return `${seen} requests seen`
        },
        TRAFFIC_MS,
        run,
      ),
  )
  await verify('a second start on the same port refuses with exit code 2 and names the port', async () => {
    const second = npmStart({})
    const code = await second.ended
    if (code !== 2 || !second.output.includes('HF_CLI_PORT_TAKEN') || !second.output.includes(String(port)))
      throw new Error(`exit ${code}: ${second.output.slice(-800)}`)
  })
  await verify('a second start on another port shares the server; Ctrl-C there leaves the first running', async () => {
    const other = await findFreePort()
    const second = npmStart({ PORT: String(other) })
    await waitUntilReady(other, second)
    process.kill(-second.pid, 'SIGINT')
    await second.ended
    await fetchOk(port, '/health')
    await fetchOk(port, '/events')
  })
  const email = `first-run-${port}@example.com`
  const customer = /** @type {{ id: string | number }} */ (
    await (
      await fetch(`http://127.0.0.1:${port}/customers`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
        body: JSON.stringify({ name: 'First Run', email }),
      })
    ).json()
  )
  const findCustomer = async () => void (await fetchOk(port, `/customers/${customer.id}/orders`))
  await verify('Ctrl-C ends everything, PostgreSQL too, within 5 s', async () => await interrupt(stage, run))
  run = npmStart({})
  await verify('the second start answers and has kept the data', async () => {
    await waitUntilReady(port, run)
    await findCustomer()
  })
  await killTree(stage, run)
  run = npmStart({})
  await verify('after kill -9 of the whole tree the next start recovers by itself', async () => {
    await waitUntilReady(port, run)
    await findCustomer()
  })
  await verify('and ends within 5 s', async () => await interrupt(stage, run))
  await verify('NODE_ENV=production without a url refuses with exit code 3', async () => {
    const refused = npmStart({ NODE_ENV: 'production' })
    const code = await refused.ended
    if (code !== 3 || !refused.output.includes('HF_CONNECT_URL_MISSING'))
      throw new Error(`exit ${code}: ${refused.output.slice(-800)}`)
  })
}

const isRoot = process.getuid?.() === 0
/** @type {Variant[]} */
const variants = isRoot
  ? [
      {
        name: 'as root, below a folder that others cannot enter, without install scripts',
        installArgs: ['--ignore-scripts'],
        mode: 0o700,
      },
      {
        name: 'as an ordinary user, with install scripts',
        installArgs: [],
        mode: 0o755,
        owner: { uid: 65534, gid: 65534 },
      },
    ]
  : [{ name: 'as an ordinary user, with install scripts', installArgs: [], mode: 0o755 }]
for (const variant of variants) await runVariant(variant)
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed\n`)
process.exitCode = counts.failed === 0 ? 0 : 1
