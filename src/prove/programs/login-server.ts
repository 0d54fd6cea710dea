// A process of the experiment threadpool: people log in, which hashes a password on libuv's threads, while it reads a
// small file and looks up a name all the time. `login` is answered when the hash is there, `look` with how long the others
// took.
import { pbkdf2, randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { createLimiter } from '../../overload/index.js'
import { joinExperiment } from '../link.js'

const hash = promisify(pbkdf2)
/** As a hash of a password should take; found out here, as it depends on the machine. @unit ms */
const HASH_MS = 60
const EVERY_MS = 20
const file = new URL(import.meta.url)
const salt = randomBytes(16)

let iterations = 100_000
const limiter = createLimiter({ maxQueue: 10_000, deadlineMs: 60_000 })
const took: number[] = []
let slowestLogin = 0

const { options, link } = await joinExperiment<{ side: string }>(async (what) => {
  if (what === 'login') return await login()
  loop.disable()
  clearInterval(timer)
  await Promise.all(looking)
  return { took, loopMs: loop.max / 1e6, slowestLogin }
})

const runHash = async () => await hash('correct horse battery staple', salt, iterations, 32, 'sha256')

async function login(): Promise<void> {
  const began = performance.now()
  await (options.side === 'protected' ? limiter.run(runHash) : runHash())
  slowestLogin = Math.max(slowestLogin, performance.now() - began)
}

async function calibrate(): Promise<void> {
  let bestMs = Infinity
  for (let n = 0; n < 3; n++) {
    const began = performance.now()
    await runHash()
    bestMs = Math.min(bestMs, performance.now() - began)
  }
  iterations = Math.ceil((iterations * HASH_MS) / bestMs)
}

async function look(): Promise<void> {
  const began = performance.now()
  await Promise.all([readFile(file), lookup('localhost')])
  took.push(performance.now() - began)
}

await calibrate()
const looking: Promise<void>[] = []
const loop = monitorEventLoopDelay({ resolution: 1 })
loop.enable()
const timer = setInterval(() => looking.push(look()), EVERY_MS)
await link.call('serving')
