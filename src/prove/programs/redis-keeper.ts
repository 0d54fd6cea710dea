// Keeps a Redis for an experiment: on a free port of loopback, with a password, nothing on the disk. It ends with this
// process, and this process ends with the experiment. `address` is answered with where it is, `end` when it has ended.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinExperiment } from '../link.js'
import { RedisLink, type RedisAddress } from '../redis-link.js'

const START_MS = 10_000
const LOOK_MS = 20

let address: RedisAddress | undefined
const { options, link } = await joinExperiment<{ file: string }>(
  async (what) => await (what === 'end' ? end() : address),
)
// What it says goes nowhere; its settings are read from its input, as arguments are there for all to read.
const server = spawn(options.file, ['-'], { stdio: ['pipe', 'ignore', 'ignore'] })
const ended = once(server, 'exit')
// However this process ends but for a SIGKILL, which comes after `end`.
process.on('exit', () => server.kill('SIGKILL'))

async function end(): Promise<void> {
  server.kill('SIGKILL')
  await ended
}

async function findFreePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Whoever else may have got the port meanwhile does not know the password. */
async function startServer(): Promise<RedisAddress> {
  const started = { port: await findFreePort(), password: randomBytes(16).toString('hex') }
  server.stdin.on('error', () => {})
  server.stdin.end(
    `port ${started.port}\nbind 127.0.0.1\nrequirepass ${started.password}\nsave ""\nappendonly no\ndaemonize no\n`,
  )
  const endsAt = performance.now() + START_MS
  while (!(await answers(started))) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode} before it served.`)
    if (performance.now() > endsAt) throw new Error(`redis-server did not serve within ${START_MS} ms.`)
    await sleep(LOOK_MS)
  }
  return started
}

async function answers(started: RedisAddress): Promise<boolean> {
  return await RedisLink.open(started).then(
    (redis) => {
      redis.close()
      return true
    },
    () => false,
  )
}

address = await startServer()
await link.call('serving')
