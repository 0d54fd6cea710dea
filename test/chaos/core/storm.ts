import { createRandom, startProxy, throughProxy } from 'holdfast/prove'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Tally, wait, type ChaosInvariant, type ChaosOptions } from '../invariants.js'
import { injectFault, planFaults, type Scene } from './faults.js'
import { countBrokenPromises } from './ledger.js'
import { limits, type AppMessage, type ClientMessage } from './protocol.js'
import type { ChaosServer } from './server.js'

const WHOLE_WITHIN_MS = 2_000
/** So long we go on asking, to tell how late it was. */
const WHOLE_MOST_MS = 20_000

export interface StormOptions extends ChaosOptions {
  server: ChaosServer
  /** Folder of the transpiled `app.js` and `client.js`. */
  programs: URL
}

export interface StormResult {
  counts: Record<string, number | string>
  faults: Record<string, number>
  invariants: ChaosInvariant[]
}

interface App {
  child: ChildProcess
  port: number
  strays: string[]
  unnamed: Tally
}

/** Requests through an application, a proxy and a server, while each of the three links is broken again and again. */
export async function runStorm(options: StormOptions): Promise<StormResult> {
  const { server, count, seed, programs, report } = options
  await server.query(`create table orders (id bigint primary key);
    create table order_lines (order_id bigint primary key, quantity int not null);
    create table notes (id bigint primary key)`)
  const { hostname, port } = new URL(server.url())
  const proxy = await startProxy({ host: hostname, port: Number(port) })
  let app: App | undefined
  try {
    app = await startApp(programs, throughProxy(server.url(), proxy))
    const scene = { server, proxy, random: createRandom(seed) }
    const { finished, faults, wholeMs, seconds } = await rage(scene, app, options)
    const left = await askPool(app.port)
    app.child.disconnect()
    await once(app.child, 'exit')
    proxy.cut()
    const broken = await countBrokenPromises(server, Buffer.from(finished.answers, 'base64'))
    for (const stray of app.strays) report(stray)
    return {
      counts: {
        requests: count,
        seconds: Math.round(seconds),
        ...broken.counts,
        slowestAnswerMs: Math.round(finished.slowestMs),
        poolWholeMs: Math.round(wholeMs),
        ...prefix('answered ', finished.codes),
        ...prefix('without a code: ', app.unnamed.toRecord()),
      },
      faults: faults.toRecord(),
      invariants: [
        { name: 'no request hangs beyond its deadlines', violations: finished.late },
        { name: 'no crash and no unhandled rejection of the application', violations: app.strays.length },
        ...broken.invariants,
        { name: 'the pool is whole within 2 s of the last fault', violations: wholeMs > WHOLE_WITHIN_MS ? 1 : 0 },
        { name: 'no client is leaked', violations: limits.poolSize - (left?.usable ?? 0) + (left?.busy ?? 0) },
      ],
    }
  } finally {
    app?.child.kill('SIGKILL')
    await proxy.close()
  }
}

async function startApp(programs: URL, url: string): Promise<App> {
  // Without the conditions of a test runner, under which the package would be its TypeScript sources.
  const child = fork(new URL('app.js', programs), { execArgv: [], env: { ...process.env, CHAOS_URL: url } })
  const app: App = { child, port: 0, strays: [], unnamed: new Tally() }
  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (message: AppMessage) => {
      if (message.type === 'stray') app.strays.push(message.what)
      if (message.type === 'unnamed') app.unnamed.add(message.what)
      if (message.type !== 'ready') return
      app.port = message.port
      resolve()
    })
    child.on('exit', (code, signal) => {
      if (child.connected || signal !== null || code !== 0) app.strays.push(`the application ended: ${code ?? signal}`)
      reject(new Error('The application ended.'))
    })
  })
  await ready
  return app
}

async function rage(scene: Scene, app: App, { count, programs, report }: StormOptions) {
  const started = performance.now()
  const env = { ...process.env, CHAOS_PORT: String(app.port), CHAOS_COUNT: String(count) }
  const client = fork(new URL('client.js', programs), { execArgv: [], env })
  const progress = followClient(client)
  const faults = new Tally()
  for (const { name, atDone } of planFaults(count, Math.max(8, Math.round(count / 2_000)), scene.random)) {
    await progress.reach(atDone)
    await injectFault(name, scene)
    faults.add(name)
    const seconds = Math.round((performance.now() - started) / 1_000)
    report(`${seconds} s, ${progress.done()} of ${count} answered; ${name}`)
  }
  const wholeMs = await awaitWhole(app.port)
  const finished = await progress.finished
  client.disconnect()
  return { finished, faults, wholeMs, seconds: (performance.now() - started) / 1_000 }
}

function followClient(child: ChildProcess) {
  let done = 0
  let waiting: { atDone: number; resolve: () => void } | undefined
  const finished = new Promise<Extract<ClientMessage, { type: 'finished' }>>((resolve, reject) => {
    child.on('message', (message: ClientMessage) => {
      if (message.type === 'finished') return resolve(message)
      done = message.done
      if (waiting && done >= waiting.atDone) waiting.resolve()
    })
    child.on('exit', () => {
      reject(new Error('The clients ended early.'))
      waiting?.resolve()
    })
  })
  const reach = async (atDone: number) => {
    if (done < atDone) await Promise.race([finished, new Promise<void>((resolve) => (waiting = { atDone, resolve }))])
  }
  return { finished, reach, done: () => done }
}

interface PoolAnswer {
  usable: number
  busy: number
  waiting: number
}

/** Undefined while not all of its clients can work. */
async function askPool(port: number): Promise<PoolAnswer | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/pool`)
  return answer.ok ? ((await answer.json()) as PoolAnswer) : undefined
}

/** Time from now until every client of the pool works, under load as it is. @unit ms */
async function awaitWhole(port: number): Promise<number> {
  const started = performance.now()
  for (;;) {
    const answer = await askPool(port).catch(() => undefined)
    const ms = performance.now() - started
    if (answer !== undefined || ms > WHOLE_MOST_MS) return ms
    await wait(20)
  }
}

function prefix(text: string, counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, times]) => [text + name, times]))
}
