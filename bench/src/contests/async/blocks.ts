import { spawn } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from 'holdfast/prove'
import type { PeerPart, PeerSetting } from '../../harness/peer-contest.js'
import { judgeCount, summarize } from '../../harness/statistics.js'
import { startSubject } from '../../harness/subjects.js'
import type { Row } from '../../harness/types.js'
import type { Told } from './blocks-app.js'
import { kinds, placements } from './kinds.js'
import type { Planted } from './planted.js'

const HOLDFAST = 'holdfast'
const BLOCKED_AT = 'blocked-at'
const modules = { [HOLDFAST]: 'async-blocks-holdfast', [BLOCKED_AT]: 'async-blocks-blocked-at' }
type Watcher = keyof typeof modules

/** Blocks are spread over these. What CPU they get varies, so that short ones keep away from what is none any more. @unit ms */
const lengths = { long: [165, 480], short: [62, 128] } as const
type Length = keyof typeof lengths

/** Every block once in each, in another process. */
const PASSES = 3
/** One that was shorter or longer than it should be, or that the machine did not let run, is planted anew so often. */
const MOST_TRIES = 8
/** The peer's is no check, and it names few. */
const PEER_TRIES = 2
/** What is told comes when the loop turns again, and when the request has ended. */
const TELL_MS = 1_500
const PAUSE_MS = 150
/** One that is never over is the bench's own mistake. */
const ASK_MS = 20_000
const WARM_UP_MS = 1_500
/** Other routes are asked for so often by each of two. */
const BETWEEN_MS = 15

/** A block as it was, and what was said of it. */
interface Outcome {
  planted: Planted
  ms: number
  tries: number
  isLine: boolean
  isRoute: boolean
  told: readonly Told[]
  starved: number
}

/** Fifty planted blocks, long ones and short ones: whether each is named with its route and its line. */
export const blocks: PeerPart = async (setting) => {
  const long = await plantPasses(setting, HOLDFAST, 'long')
  const short = await plantPasses(setting, HOLDFAST, 'short')
  const peer = await plantPasses(setting, BLOCKED_AT, 'long')
  const peerShort = await plantPasses(setting, BLOCKED_AT, 'short')
  return {
    rows: [
      ...describe(HOLDFAST, 'blocks', long),
      ...describe(HOLDFAST, 'short_blocks', short),
      describeShare(`${BLOCKED_AT}, the line anywhere in its stack, any route`, 'blocks', peer, ({ isLine }) => isLine),
      describeShare(
        `${BLOCKED_AT}, the line anywhere in its stack, any route`,
        'short_blocks',
        peerShort,
        ({ isLine }) => isLine,
      ),
    ],
    checks: [
      judgeCount('blocks_named', shareOf(long.flat(), isNamed), { atLeast: 1 }),
      judgeCount('short_blocks_named', shareOf(short.flat(), isNamed), { atLeast: 0.9 }),
    ],
  }
}

const isNamed = ({ isLine, isRoute }: Outcome): boolean => isLine && isRoute

async function plantPasses(setting: PeerSetting, watcher: Watcher, length: Length): Promise<Outcome[][]> {
  const passes: Outcome[][] = []
  const { quick, progress } = setting.input
  while (passes.length < (quick || watcher === BLOCKED_AT ? 1 : PASSES)) {
    const outcomes = await plantOnce(setting, watcher, length, passes.length)
    passes.push(outcomes)
    progress(`${watcher}: ${outcomes.filter(isNamed).length} of ${outcomes.length} ${length} blocks named`)
    if (watcher === BLOCKED_AT) continue
    for (const { planted, ms, told } of outcomes.filter((each) => !isNamed(each)))
      progress(`  missed ${planted.id} (${ms.toFixed(0)} ms, ${planted.file}:${planted.line}): ${describeTold(told)}`)
  }
  return passes
}

const describeTold = (told: readonly Told[]): string =>
  told.map(({ kind, places, route }) => `${kind} ${places.join(', ')} of ${route}`).join('; ') || 'nothing'

async function plantOnce(
  { databases, execPath }: PeerSetting,
  watcher: Watcher,
  length: Length,
  passNumber: number,
): Promise<Outcome[]> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-blocks-')))
  const module = new URL(`../../subjects/${modules[watcher]}.js`, import.meta.url)
  const subject = await startSubject(watcher, module, databases.urlOf('all'), 4, execPath, { BLOCKS_FOLDER: folder })
  try {
    const { samples: [port] = [] } = await subject.run('listen', 0)
    const origin = `http://127.0.0.1:${port}`
    const others = keepOthersBusy(origin)
    await sleep(WARM_UP_MS)
    const { pid, planted } = await ask<{ pid: number; planted: Planted[] }>(origin, '/planted')
    const outcomes: Outcome[] = []
    const random = createRandom(passNumber + 11)
    const [shortest, longest] = lengths[length]
    const mostTries = watcher === BLOCKED_AT ? PEER_TRIES : MOST_TRIES
    // In an order in which neighbours differ in kind and placement.
    for (let n = 0; n < planted.length; n++) {
      const wantedMs = Math.round(shortest + random() * (longest - shortest))
      const block = planted[(n * 7) % planted.length] as Planted
      outcomes.push(await tryBlock({ origin, pid, folder, length, wantedMs, mostTries }, block))
    }
    await others.stop()
    return outcomes
  } finally {
    await subject.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Scene {
  origin: string
  pid: number
  folder: string
  length: Length
  wantedMs: number
  mostTries: number
}

/** What else the application does while it is blocked. */
function keepOthersBusy(origin: string): { stop: () => Promise<void> } {
  const over = new AbortController()
  const run = async (path: (n: number) => string) => {
    for (let n = 1; !over.signal.aborted; n++) {
      await ask(origin, path(n))
      await sleep(BETWEEN_MS)
    }
  }
  const running = Promise.all([run((n) => `/events/${n % 1_000}`), run(() => '/venues')])
  // One that failed is told when they are stopped.
  running.catch(() => {})
  return {
    stop: async () => {
      over.abort()
      await running
    },
  }
}

async function tryBlock(scene: Scene, planted: Planted): Promise<Outcome> {
  const { folder, length, wantedMs, mostTries } = scene
  const [least, most] = length === 'long' ? [150, Infinity] : [50, 150]
  const told: Told[] = []
  let starved = 0
  for (let tries = 1, scale = 1; ; tries++) {
    const { ms, starvedMs } = await block(scene, planted, scale)
    const heard = await listen(scene, planted)
    told.push(...heard)
    // Then that is what is told, once an hour, and no line. What is left of it may be no block of 50 ms any more.
    const isStarved = starvedMs >= ms / 3 || ms - starvedMs < 50
    if (isStarved) starved++
    const isLine = told.some((each) => isAt(each, planted, folder))
    const isRoute = told.some((each) => isAt(each, planted, folder) && each.route === `GET ${planted.path}`)
    const isFair = ms >= least && ms <= most && (isLine || !isStarved)
    if (isFair || tries >= mostTries) return { planted, ms, tries, isLine, isRoute, told, starved }
    scale *= Math.min(2, Math.max(0.5, wantedMs / ms))
  }
}

/** How long it was, and for how long of that the machine ran something else. What is told of making it is no part of it. */
async function block(
  { origin, pid, wantedMs }: Scene,
  { id, path, work }: Planted,
  scale: number,
): Promise<{ ms: number; starvedMs: number }> {
  const { file } = await ask<{ file?: string }>(origin, `/make/${id}/${wantedMs}/${scale}`)
  await sleep(2 * PAUSE_MS)
  await ask(origin, '/told')
  if (file !== undefined) holdPipe(work, file, wantedMs)
  const before = await readDelay(pid)
  const { ms } = await ask<{ ms: number }>(origin, path.replace(':id', '1'))
  return { ms, starvedMs: (await readDelay(pid)) - before }
}

/** How long its main thread was ready to run and did not. Linux alone tells. @unit ms */
async function readDelay(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').catch(() => '0 0 0')
  return Number(text.split(' ')[1]) / 1e6
}

/** The other end of a pipe comes when the block is to be over. */
function holdPipe(work: Planted['work'], file: string, ms: number): void {
  const act = work === 'pipe-in' ? 'echo entry > "$2"' : 'cat "$2" > /dev/null'
  spawn('sh', ['-c', `sleep "$1"; ${act}`, 'sh', String(ms / 1_000), file], { stdio: 'ignore' })
}

/** Until it is named, or nothing more is to be expected. */
async function listen({ origin, folder }: Scene, planted: Planted): Promise<Told[]> {
  const told: Told[] = []
  const until = performance.now() + TELL_MS
  while (performance.now() < until && !told.some((each) => isAt(each, planted, folder))) {
    await sleep(PAUSE_MS / 3)
    told.push(...(await ask<Told[]>(origin, '/told')))
  }
  return told
}

const isAt = ({ places }: Told, { file, line }: Planted, folder: string): boolean =>
  places.includes(`${join(folder, file)}:${line}`)

async function ask<T>(origin: string, path: string): Promise<T> {
  const response = await fetch(`${origin}${path}`, { signal: AbortSignal.timeout(ASK_MS) })
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

function shareOf(outcomes: readonly Outcome[], is: (outcome: Outcome) => boolean): number {
  return outcomes.filter(is).length / outcomes.length
}

function describeShare(
  subject: string,
  metric: string,
  passes: readonly (readonly Outcome[])[],
  is: (outcome: Outcome) => boolean,
): Row {
  return summarize(
    subject,
    `${metric}_share`,
    'share',
    passes.map((outcomes) => shareOf(outcomes, is)),
  )
}

function describe(watcher: string, metric: string, passes: readonly (readonly Outcome[])[]): Row[] {
  const all = passes.flat()
  const of = (name: string, is: (planted: Planted) => boolean) =>
    describeShare(
      `${watcher}, ${name}`,
      metric,
      passes.map((outcomes) => outcomes.filter(({ planted }) => is(planted))),
      isNamed,
    )
  const count = (what: string, read: (outcome: Outcome) => number) =>
    summarize(
      watcher,
      `${metric}_${what}`,
      what,
      passes.map((outcomes) => outcomes.reduce((sum, each) => sum + read(each), 0)),
    )
  return [
    describeShare(`${watcher}, line and route`, metric, passes, isNamed),
    describeShare(`${watcher}, line`, metric, passes, ({ isLine }) => isLine),
    ...placements.map((placement) => of(placement, (planted) => planted.placement === placement)),
    ...Object.keys(kinds).map((kind) => of(kind, (planted) => planted.kind === kind)),
    summarize(
      watcher,
      `${metric}_length`,
      'ms',
      all.map(({ ms }) => ms),
    ),
    count('repeated', ({ tries }) => tries - 1),
    count('starved', ({ starved }) => starved),
  ]
}
