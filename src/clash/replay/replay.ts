import { createHash } from 'node:crypto'
import { isHoldfastError } from '../../core/index.js'
import { clashError } from '../errors.js'
import {
  advanceSequences,
  breaks,
  endHolding,
  findBlock,
  holdCommitOf,
  holdCommits,
  letAllCommit,
  letCommit,
  readChanges,
  runDdl,
  undo,
  type Change,
} from '../store.js'
import type { FixCost, ReplayOptions, ReplayReport, ReplayRequest, SerialOutcome } from '../types.js'
import type { GateFix } from '../fix/types.js'
import type { LabParts } from './lab.js'
import { Controller } from './controller.js'
import { drawSchedule } from './diagram.js'
import { describeChanges, explainDifference, findMasks, type Outcome } from './outcome.js'
import { Reduction } from './reduce.js'
import { listSchedules, serialSchedule, type Schedule } from './schedules.js'
import { Side } from './side.js'
import { cannotBeUndone } from './statements.js'

/** Odd, so that no number drawn after it is one that could have been drawn before. */
const GAP = 100_003
/** Waits that no database ends: a request that waits for its own other half. @unit ms */
const MOST_SCHEDULE_MS = 10_000
/** Of as many schedules as may be run: those of two long requests are without number, and most of them are alike. */
const MOST_LOOKED_AT = 100
/** As long as it is quiet by itself between two statements, while it hashes a password say, it is not taken to wait. @unit ms */
const QUIET_MS = { least: 60, most: 2_000, times: 2 } as const

interface Run extends Outcome {
  controller: Controller
  /** What each has sent, in its order. */
  texts: Record<'A' | 'B', string[]>
  retries: number
  broken: readonly string[]
}

/** One pair of requests on a clone: both orders, and then one schedule after the other until one ends as neither did. */
export class Replay<App> {
  readonly #parts: LabParts<App>
  readonly #requests: readonly [ReplayRequest<App>, ReplayRequest<App>]
  readonly #options: ReplayOptions
  readonly #signal: AbortSignal
  #masks = new Set<string>()
  /** Before any more were added for a failure: a replay with a fix, which has none, is compared by them. */
  #masksOfOrders: ReadonlySet<string> = new Set()
  readonly #alone = new Map<'A' | 'B', Run>()
  #retries = 0
  #deadlocks = 0
  #quietMs: number = QUIET_MS.least

  constructor(
    parts: LabParts<App>,
    requests: readonly [ReplayRequest<App>, ReplayRequest<App>],
    options: ReplayOptions,
  ) {
    this.#parts = parts
    this.#requests = requests
    this.#options = options
    const deadline = AbortSignal.timeout(options.deadlineMs ?? 60_000)
    this.#signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline
  }

  async run(): Promise<ReplayReport> {
    const { fix } = this.#options
    if (fix?.ddl) await runDdl(this.#parts.monitor, fix.ddl)
    try {
      return await this.#search()
    } catch (error) {
      if (this.#signal.aborted && !this.#options.signal?.aborted) throw describeDeadline(this.#options, error)
      throw error
    } finally {
      if (fix?.undo) await runDdl(this.#parts.monitor, fix.undo)
    }
  }

  async #search(): Promise<ReplayReport> {
    const startedAt = performance.now()
    const AB = await this.#play(serialSchedule('A'))
    const again = await this.#play(serialSchedule('A'), GAP)
    const BA = await this.#play(serialSchedule('B'))
    const againBA = await this.#play(serialSchedule('B'), GAP)
    const quiet = Math.max(...[AB, again, BA, againBA].map((run) => run.controller.longestQuietMs))
    this.#quietMs = Math.min(QUIET_MS.most, Math.max(QUIET_MS.least, QUIET_MS.times * quiet))
    this.#masks = new Set([...this.#parts.drawn, ...findMasks(AB, again), ...findMasks(BA, againBA)])
    this.#masksOfOrders = new Set(this.#masks)
    const orders = { AB, BA }
    if (this.#tell(AB) !== this.#tell(again) || this.#tell(BA) !== this.#tell(againBA))
      return this.#report('not deterministic', undefined, orders, 4, true, startedAt)
    const seen = new Set<string>()
    let schedules = 0
    const most = this.#options.maxSchedules ?? 400
    const lengths = {
      A: Math.max(AB.texts.A.length, BA.texts.A.length),
      B: Math.max(AB.texts.B.length, BA.texts.B.length),
    }
    const turns = this.#options.exhaustive ? lengths.A + lengths.B : (this.#options.preemptions ?? 2)
    const reduction = new Reduction({
      A: { alone: AB.texts.A, after: BA.texts.A },
      B: { alone: BA.texts.B, after: AB.texts.B },
    })
    let left = MOST_LOOKED_AT * most
    for (const schedule of listSchedules(lengths, turns)) {
      if (--left > 0 && !reduction.isNew(schedule)) continue
      if (left === 0 || schedules >= most)
        return this.#report('none found', undefined, orders, schedules, false, startedAt)
      const run = await this.#play(schedule)
      schedules++
      // A wait forces the order: the same again.
      if (seen.has(run.controller.signature)) continue
      seen.add(run.controller.signature)
      if ((await this.#findFault(run, [AB, BA])) === undefined) continue
      const failedAt = performance.now()
      const failed = await this.#confirm(schedule, run, orders)
      if (failed)
        return this.#report('clash', { ...failed, ms: failedAt - startedAt }, orders, schedules, true, startedAt)
    }
    return this.#report('none found', undefined, orders, schedules, true, startedAt)
  }

  /**
   * Once more, and both orders too: rows that were undone lie elsewhere in their table, so that a query without ORDER BY
   * gives others. Undefined: it does not fail again.
   */
  async #confirm(
    schedule: Schedule,
    first: Run,
    { AB, BA }: { AB: Run; BA: Run },
  ): Promise<{ run: Run; fault: string } | undefined> {
    const again = await this.#play(schedule)
    const orders = [AB, BA, await this.#play(serialSchedule('A')), await this.#play(serialSchedule('B'))] as const
    for (const name of [...findMasks(AB, orders[2]), ...findMasks(BA, orders[3])]) this.#masks.add(name)
    const fault = await this.#findFault(first, orders)
    if (fault === undefined || (await this.#findFault(again, orders)) === undefined) return undefined
    return { run: first, fault }
  }

  #digest(order: 'AB' | 'BA', run: Run): SerialOutcome {
    const digest = createHash('sha256').update(describeChanges(run, this.#masksOfOrders)).digest('hex').slice(0, 16)
    return { order, statuses: run.statuses, digest }
  }

  #tell(outcome: Outcome): string {
    const bodies = this.#options.comparesBodies ? JSON.stringify(outcome.bodies) : ''
    return `${outcome.statuses.join(' ')}\n${describeChanges(outcome, this.#masks)}\n${bodies}`
  }

  /** Undefined: it ended as one of the orders, or whoever was refused has left nothing. */
  async #findFault(run: Run, orders: readonly Run[]): Promise<string | undefined> {
    const own = this.#tell(run)
    const isSerial = orders.some((order) => own === this.#tell(order))
    const broken = run.broken.filter((name) => orders.every((order) => !order.broken.includes(name)))
    if (broken.length > 0) return `it breaks: ${broken.join(', ')}`
    if (isSerial || (await this.#isNoticed(run))) return undefined
    const words = orders.map((order) => explainDifference(run, order, this.#masks))
    return `neither order gives this: ${words.reduce((one, other) => (other.length < one.length ? other : one))}`
  }

  /** Somebody was told that it did not work, and it looks as if that one had never come. */
  async #isNoticed(run: Run): Promise<boolean> {
    const refused = (['A', 'B'] as const).filter((_side, at) => isRefusal(run.statuses[at] ?? 0))
    if (refused.length === 0) return false
    const changes = describeChanges(run, this.#masks)
    if (refused.length === 2 && changes === '') return true
    for (const side of refused) {
      const other = side === 'A' ? 'B' : 'A'
      const alone = await this.#playAlone(other)
      const at = other === 'A' ? 0 : 1
      if (changes === describeChanges(alone, this.#masks) && run.statuses[at] === alone.statuses[at]) return true
    }
    return false
  }

  async #playAlone(side: 'A' | 'B'): Promise<Run> {
    const known = this.#alone.get(side)
    if (known) return known
    const run = await this.#play([{ side, steps: Infinity }], 0, side === 'A' ? 'B' : 'A')
    this.#alone.set(side, run)
    return run
  }

  async #play(schedule: Schedule, gap = 0, absent?: 'A' | 'B'): Promise<Run> {
    const { monitor, app, invariants } = this.#parts
    if (gap > 0) await advanceSequences(monitor, gap)
    const sides = { A: new Side('A', this.#options.fix), B: new Side('B', this.#options.fix) }
    if (absent) sides[absent].hasStarted = sides[absent].hasEnded = true
    const [first, second] = this.#requests
    const controller = new Controller(sides, {
      quietMs: this.#quietMs,
      commits: {
        findBlock: async (pid) => await findBlock(monitor, pid),
        hold: async () => await holdCommits(monitor),
        holdOne: async (pid) => await holdCommitOf(monitor, pid),
        endHolding: async () => await endHolding(monitor),
        let: async (pid) => await letCommit(monitor, pid),
      },
      start: {
        A: (side) => side.start(async () => await first.run(app)),
        B: (side) => side.start(async () => await second.run(app)),
      },
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(MOST_SCHEDULE_MS)]),
    })
    try {
      await controller.run(schedule)
    } catch (error) {
      await this.#release(sides)
      throw this.#signal.aborted || isHoldfastError(error) ? error : describeStuck(controller, error)
    }
    return await this.#conclude(sides, controller, invariants)
  }

  async #conclude(
    sides: { A: Side; B: Side },
    controller: Controller,
    invariants: LabParts<App>['invariants'],
  ): Promise<Run> {
    const { monitor } = this.#parts
    const { steps } = controller
    const changes: Change[] = await readChanges(monitor)
    const broken: string[] = []
    for (const { name, sql } of invariants) if (await breaks(monitor, sql)) broken.push(name)
    await undo(monitor)
    const list = (name: 'A' | 'B') =>
      steps.filter(({ side, event }) => side === name && event !== 'waits').map(({ text }) => text)
    this.#retries += sides.A.retries + sides.B.retries
    this.#deadlocks += steps.filter(({ code }) => code === '40P01').length
    return {
      changes,
      statuses: [sides.A.status, sides.B.status],
      bodies: [sides.A.body, sides.B.body],
      controller,
      texts: { A: list('A'), B: list('B') },
      retries: sides.A.retries + sides.B.retries,
      broken,
    }
  }

  /** Lets everything go, so that nothing hangs on at a gate. */
  async #release({ A, B }: { A: Side; B: Side }): Promise<void> {
    await letAllCommit(this.#parts.monitor)
    const until = performance.now() + 1_000
    while (performance.now() < until && [A, B].some((side) => side.hasStarted && !side.hasEnded)) {
      for (const { arrivals } of [A, B])
        for (const { text, pass, refuse } of arrivals.splice(0)) (cannotBeUndone(text) ? refuse : pass)()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await undo(this.#parts.monitor)
  }

  #report(
    verdict: ReplayReport['verdict'],
    failed: { run: Run; fault: string; ms: number } | undefined,
    { AB, BA }: { AB: Run; BA: Run },
    schedules: number,
    isComplete: boolean,
    startedAt: number,
  ): ReplayReport {
    const ms = performance.now() - startedAt
    const reason =
      failed?.fault ??
      (verdict === 'none found'
        ? `${schedules} schedules ended as one of both orders does`
        : 'the same order ended in two ways by itself')
    const schedule = failed?.run.controller.steps ?? []
    const [first, second] = this.#requests
    const statuses = failed?.run.statuses ?? AB.statuses
    const end = `A ${statuses[0]}, B ${statuses[1]}. ${verdict === 'clash' ? 'Clash' : 'No clash'}: ${reason}.`
    return {
      verdict,
      schedule,
      reason,
      masked: [...this.#masks].toSorted(),
      serial: [this.#digest('AB', AB), this.#digest('BA', BA)],
      statuses,
      schedules,
      isComplete,
      retries: this.#retries,
      deadlocks: this.#deadlocks,
      ms,
      firstFailureMs: failed?.ms,
      diagram: drawSchedule([first.name, second.name], failed ? schedule : AB.controller.steps, end),
    }
  }
}

/** Both requests at once, again and again, without a gate: what a fix costs. */
export async function measurePairs<App>(
  { monitor, app }: LabParts<App>,
  requests: readonly [ReplayRequest<App>, ReplayRequest<App>],
  fix: GateFix | undefined,
  pairs: number,
): Promise<FixCost> {
  if (fix?.ddl) await runDdl(monitor, fix.ddl)
  try {
    const cost = { ms: 0, retries: 0, failed: 0 }
    for (let n = 0; n < pairs; n++) {
      const sides = [new Side('A', fix, true), new Side('B', fix, true)] as const
      const startedAt = performance.now()
      const runAt = async (at: 0 | 1) => {
        sides[at].start(async () => await requests[at].run(app))
        while (!sides[at].hasEnded) await sides[at].news(1_000)
      }
      if (fix?.excludes) {
        await runAt(0)
        await runAt(1)
      } else await Promise.all([runAt(0), runAt(1)])
      cost.ms += performance.now() - startedAt
      for (const { retries, status } of sides) {
        cost.retries += retries
        if (status >= 500) cost.failed++
      }
      await undo(monitor)
    }
    return { requestsPerSecond: (2_000 * pairs) / cost.ms, retries: cost.retries, failed: cost.failed }
  } finally {
    if (fix?.undo) await runDdl(monitor, fix.undo)
  }
}

/** Failed, or told to come again because of somebody else. Of 404 and the like the caller believes that it is so. */
const isRefusal = (status: number): boolean => status >= 500 || [409, 412, 423, 428, 429].includes(status)

function describeStuck(controller: Controller, cause: unknown) {
  const last = controller.steps.at(-1)?.text.slice(0, 120) ?? 'none'
  const message = `A schedule did not end within ${MOST_SCHEDULE_MS} ms; its last statement: ${last}`
  return clashError('HF_CLASH_DEADLINE', message, { cause })
}

function describeDeadline({ deadlineMs = 60_000 }: ReplayOptions, cause: unknown) {
  return clashError('HF_CLASH_DEADLINE', `The replay did not end within ${deadlineMs} ms.`, {
    cause,
    details: { deadlineMs },
  })
}
