// @ts-nocheck
// oxlint-disable node/no-sync -- blocking is what it is for
// Blocks its loop in one way after the other, and prints what the watchdog told of each as a line of JSON.
import { execFileSync } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

// Not by name: what is built is not to be type-checked.
const load = async (name) => await import(new URL(`../../../dist/${name}`, import.meta.url).href)
const { runInRequest } = await load('core/early.js')
const { StallWatch } = await load('watch/blocking/stall-watch.js')

function spin(ms) {
  const until = performance.now() + ms
  while (performance.now() < until); // here: spin
}

const ways = {
  spin: () => spin(200),
  async continuation() {
    await sleep(5)
    spin(200)
  },
  exec() {
    execFileSync(process.execPath, ['-e', 'setTimeout(() => {}, 200)']) // here: exec
    return 1
  },
  pbkdf2() {
    const key = pbkdf2Sync('secret', 'salt', 400_000, 64, 'sha512') // here: pbkdf2
    return key.length
  },
  wait() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200) // here: wait
    return spin(1)
  },
  regex() {
    return /^(a+)+$/.test(`${'a'.repeat(25)}b`) // here: regex
  },
  short: () => spin(80),
  // In tail position there is no code of ours left when it returns.
  parse: () => JSON.parse(large), // here: parse
  clone: () => structuredClone(list), // here: clone
  async gzip() {
    await sleep(5)
    return gzipSync(noise) // here: gzip
  },
}
const list = Array.from({ length: 500_000 }, (_, n) => ({ n, name: `a name ${n}` }))
const large = JSON.stringify(list)
const noise = randomBytes(8_000_000)

let tell
const watch = new StallWatch({ onStall: (stall, request) => tell({ ...stall, request }) })

// The thread begins with the first request.
await runInRequest(
  { route: 'GET /first' },
  async () => await sleep(500),
  () => {},
)
const alive = setInterval(() => {}, 1_000)
for (const [name, run] of Object.entries(ways)) console.log(JSON.stringify({ name, ...(await block(name, run)) }))

/** Again where the thread did not run in time: a busy machine is not what is looked at here. */
async function block(name, run) {
  for (let tries = 1; tries <= 10; tries++) {
    const told = Promise.race([new Promise((resolve) => (tell = resolve)), sleep(3_000)])
    const body = async (context) => {
      // The thread is awake by then.
      await sleep(40)
      await run()
      await sleep(40)
      // As a router that tells it at the end.
      context.route = `GET /${name}`
    }
    await runInRequest({}, body, () => {})
    const stall = await told
    if (stall?.frames.some(({ url }) => url.endsWith('blocks.mjs')))
      return { ...stall, request: 0, route: stall.request?.route }
  }
  return undefined
}

// Nobody waits for it.
let unasked = 0
tell = () => unasked++
spin(200)
await sleep(100)
console.log(JSON.stringify({ name: 'nobody', unasked }))
clearInterval(alive)
if (process.argv[2] === 'exit') process.exit(7)
await watch.close()
