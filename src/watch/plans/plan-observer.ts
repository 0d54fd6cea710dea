import type { Client } from 'pg'
import { runOutside } from '../../core/early.js'
import { readSqlstate, type Logger } from '../../core/index.js'
import type { FindingSink } from '../findings.js'
import type { SeenStatement } from '../observe-query.js'
import { overflow, several, type Parser, type Statement } from '../parser.js'
import type { WatchStorage } from '../storage.js'
import type { StatementObserver } from '../statement-observer.js'
import { describeDrift, describeFlip, listGrowth } from './describe.js'
import { classify, toReading, type TextKind } from './explainable.js'
import { Explainer } from './explainer.js'
import type { GenericPlans } from './generic-plans.js'
import type { KnownShape } from './known-shape.js'
import { fromStored, toRow } from './plan-rows.js'
import type { Facts, PlanShape } from './plan-types.js'
import { SessionSettings, type Setting } from './session-settings.js'
import { StatementPlans, type Drift, type Flip } from './statement-plans.js'
import { loadPlans, writePlans } from './store.js'
import { keyOfValues } from './values-key.js'
import { Waiting } from './waiting.js'

const MOST_STATEMENTS = 500
/** What waited for so long says nothing of now. */
const MOST_AGE_MS = 5_000
/** Of the time of a process, explaining may take a fiftieth. */
const REST_FACTOR = 50
/** Where a plan is under suspicion: users may be waiting for what is learnt. Its executions still pay for each (see StatementPlans). */
const REST_FACTOR_OF_SUSPECTS = 5
const LONGEST_REST_MS = 250
const FACTS_EVERY_MS = 600_000
const MOST_REFUSALS = 5
/** What a request has for a route while nobody has told it. */
const NO_ROUTE = '(none)'

export interface PlanObserverParts {
  db: WatchStorage
  connectAside: () => Client
  parser: Parser
  logger: Logger
  report: FindingSink
  generic: GenericPlans
}

interface Entry {
  statement: Statement
  text: TextKind
  plans: StatementPlans
  isReadInstead: boolean
}

interface Task {
  entry: Entry
  text: string
  values: readonly unknown[] | undefined
  settings: readonly Setting[]
  isGeneric: boolean
  ms: number
  request: SeenStatement['request']
  at: number
}

export interface PlanStats {
  statements: number
  explained: number
  explainMs: number
  /** Asked and not answered, by SQLSTATE. */
  refused: Record<string, number>
  /** Not asked: too many were waiting. */
  dropped: number
}

/** Which plans statements have: asked for now and then, and where one is slower than it should be. */
export class PlanObserver implements StatementObserver {
  readonly #parts: PlanObserverParts
  readonly #entries = new Map<Statement, Entry>()
  readonly #settings = new SessionSettings()
  readonly #explainer: Explainer
  readonly #tasks = new Waiting<Task>(({ entry }) => entry.plans.shapes.size === 0 || entry.plans.isSuspicious)
  #working: Promise<void> | undefined
  #isClosed = false
  #wake: (() => void) | undefined
  readonly #stats: PlanStats = { statements: 0, explained: 0, explainMs: 0, refused: {}, dropped: 0 }

  constructor(parts: PlanObserverParts) {
    this.#parts = parts
    this.#explainer = new Explainer(parts.connectAside)
  }

  stats(): PlanStats {
    return { ...this.#stats, statements: this.#entries.size }
  }

  observe(seen: SeenStatement, statement: Statement): void {
    const { text, client } = seen
    if (statement === several) return this.#settings.endTransaction(client)
    if (text === undefined || statement === overflow || seen.isFailed || this.#isClosed) return
    const entry = this.#entries.get(statement) ?? this.#open(statement, text)
    if (entry === undefined || entry.text.kind === 'other') return
    if (entry.text.kind === 'settings') return this.#settings.note(client, this.#readParts(text, entry), seen.values)
    const isDue = entry.plans.noteExecution(seen.ms)
    const isGeneric = seen.name ? this.#parts.generic.note(client, seen.name, isDue) : false
    if (isDue) this.#enqueue(entry, seen, isGeneric)
  }

  /** The same statement may come with other literals, which are settings. */
  #readParts(text: string, entry: Entry) {
    const kind = entry.statement.text === text ? entry.text : classify(this.#parts.parser, text)
    return kind.kind === 'settings' ? kind.parts : []
  }

  #open(statement: Statement, text: string): Entry | undefined {
    if (this.#entries.size >= MOST_STATEMENTS) return undefined
    const kind = classify(this.#parts.parser, text)
    const entry = { statement, text: kind, plans: new StatementPlans(), isReadInstead: kind.kind === 'write' }
    this.#entries.set(statement, entry)
    return entry
  }

  onRelease(client: object): void {
    this.#settings.endTransaction(client)
  }

  #enqueue(entry: Entry, seen: SeenStatement, isGeneric: boolean): void {
    if (entry.plans.refusals >= MOST_REFUSALS || this.#explainer.isAway) return
    const { text, values, client, ms, request } = seen
    const settings = this.#settings.of(client)
    const task = { entry, text: text as string, values: values && [...values], settings, isGeneric, ms, request }
    if (!this.#tasks.add({ ...task, at: performance.now() })) this.#stats.dropped++
    // What is read for it is no request's.
    this.#working ??= runOutside(async () => await this.#work())
  }

  async #work(): Promise<void> {
    // After the request has gone on: whoever asked is not kept by this.
    await new Promise((resolve) => setImmediate(resolve))
    for (let task = this.#tasks.take(); task && !this.#isClosed; task = this.#tasks.take()) {
      const startedAt = performance.now()
      if (startedAt - task.at > MOST_AGE_MS) {
        this.#stats.dropped++
        continue
      }
      await this.#explain(task)
      const tookMs = performance.now() - startedAt
      this.#stats.explainMs += tookMs
      const factor = task.entry.plans.isSuspicious ? REST_FACTOR_OF_SUSPECTS : REST_FACTOR
      await this.#rest(Math.min(LONGEST_REST_MS, tookMs * factor))
    }
    this.#working = undefined
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #explain(task: Task): Promise<void> {
    const { plans } = task.entry
    try {
      const shape = await this.#ask(task)
      if (shape === undefined) {
        plans.refusals = MOST_REFUSALS
        return
      }
      this.#stats.explained++
      plans.refusals = 0
      await this.#take(task, shape)
    } catch (error) {
      const code = readSqlstate(error) ?? 'connection'
      this.#stats.refused[code] = (this.#stats.refused[code] ?? 0) + 1
      // A table of the session alone, a type that only the session knows: it will be so the next time, too.
      if (readSqlstate(error) !== undefined) plans.refusals++
      this.#parts.logger.debug({ code }, 'A plan could not be asked for.')
    }
  }

  async #ask({ entry, text, values, settings, isGeneric }: Task): Promise<PlanShape | undefined> {
    const reading = toReading(this.#parts.parser, text)
    if (reading === undefined) return undefined
    const amount = Math.max(0, ...[...reading.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
    if (amount > (values?.length ?? 0)) return undefined
    entry.isReadInstead = reading !== text
    if (isGeneric && entry.text.kind === 'read') return await this.#explainer.explainGeneric(reading, amount, settings)
    return await this.#explainer.explain(reading, values?.slice(0, amount), settings)
  }

  async #take(task: Task, shape: PlanShape): Promise<void> {
    const { entry, values, ms, isGeneric: isInferred } = task
    const { plans } = entry
    if (!plans.isLoaded) await this.#load(entry)
    const flip = plans.noteSighting({ shape, isInferred, ms, values: keyOfValues(values) })
    const known = plans.shapes.get(shape.id)
    const found = flip ?? (isInferred && known ? await this.#judgeGeneric(task, known) : undefined)
    if (found) {
      const now = await this.#readFacts(shape, found.before.shape)
      this.#parts.report(describeFlip(found, now, { ...entry, route: readRoute(task) }))
      if (known) keepFacts(known, now)
      return
    }
    if (known && performance.now() - known.factsAt > FACTS_EVERY_MS) keepFacts(known, await this.#readFacts(shape))
    const drift = plans.lookForDrift()
    if (drift) await this.#judgeDrift(task, drift)
  }

  async #judgeGeneric({ entry, text, values, settings }: Task, generic: KnownShape): Promise<Flip | undefined> {
    const custom = await this.#explainer.explain(text, values, settings)
    return entry.plans.judgeGeneric(generic, custom)
  }

  /** Slower without another plan: that is something to say where the tables or the planner show why, or where it is plain. */
  async #judgeDrift(task: Task, drift: Drift): Promise<void> {
    const { entry } = task
    const { known, beforeMs, afterMs, costRatio } = drift
    const now = known ? await this.#readFacts(known.shape) : undefined
    const isExplained = costRatio >= 1.5 || (known?.facts && now ? listGrowth(known.facts, now).length > 0 : false)
    const isPlain = afterMs >= beforeMs * 4 && afterMs >= beforeMs + 20 && entry.plans.driftLooks >= 6
    if (!isExplained && !isPlain) return
    this.#parts.report(describeDrift(drift, now, { ...entry, route: readRoute(task) }))
    entry.plans.settleDrift()
    if (known) keepFacts(known, now)
  }

  async #readFacts(...shapes: readonly PlanShape[]): Promise<Facts | undefined> {
    const accesses = shapes.flatMap((shape) => shape.accesses)
    try {
      return await this.#explainer.readFacts({ ...(shapes[0] as PlanShape), accesses })
    } catch {
      return undefined
    }
  }

  async #load({ statement, plans }: Entry): Promise<void> {
    try {
      if (this.#parts.db.schema === 'ok') plans.load((await loadPlans(this.#parts.db, statement.id)).map(fromStored))
      else plans.load([])
    } catch {
      // Without what was known before, it is learned again.
      plans.load([])
    }
  }

  /** Writes what is new; what could not be written comes with the next one. */
  async flush(): Promise<void> {
    const dirty = [...this.#entries.values()].flatMap(({ statement, plans }) =>
      [...plans.shapes.values()].filter(({ unwritten }) => unwritten > 0).map((known) => ({ statement, known })),
    )
    if (dirty.length === 0) return
    const rows = dirty.map(({ statement, known }) => toRow(statement, known))
    await writePlans(this.#parts.db, rows, new Date())
    for (const [n, { known }] of dirty.entries()) known.unwritten -= rows[n]?.seen ?? 0
  }

  /** Whatever waits has been explained when this resolves. For tests. */
  async settle(): Promise<void> {
    while (this.#working) await this.#working
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#tasks.clear()
    this.#wake?.()
    this.#explainer.hold()
    await this.#working
    await this.#explainer.close()
  }
}

/** When it is told, and not when the statement ran: a router that sets the route at a request's end was not there yet. */
function readRoute({ request }: Task): string {
  const route = request?.route ?? ''
  return route === NO_ROUTE ? '' : route
}

function keepFacts(known: KnownShape, facts: Facts | undefined): void {
  known.factsAt = performance.now()
  if (facts) known.facts = facts
}
