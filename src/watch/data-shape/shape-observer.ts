import type { Queryable } from '../../core/index.js'
import type { FindingSink } from '../findings.js'
import type { SeenStatement } from '../observe-query.js'
import { overflow, several, type Statement } from '../parser.js'
import type { StatementObserver } from '../statement-observer.js'
import { analyseShape } from './analyse.js'
import { measureCell, readCell } from './cells.js'
import { Growth } from './growth.js'
import { identify } from './identities.js'
import { isUnbounded } from './limits.js'
import { lookQuickly, SUSPICIOUS } from './quick-look.js'
import { ReadSampler, type ColumnReads } from './read-sampler.js'
import { isOfShape, readResult, readShape, type ResultLike, type ResultShape } from './result-shape.js'
import { describeGrowth, describeReads, describeShadows, describeShape, type Subject } from './shape-findings.js'
import { TableBook } from './table-book.js'

export interface ShapeObserverOptions {
  report: FindingSink
  /** Where names and keys of tables are looked up, once for each. Undefined: they are not known, and findings say "possibly". */
  db?: Pick<Queryable, 'query'>
  /**
   * Whether it is noted which columns are read, of one row in so many results (see ReadSampler for what can be seen of
   * that). 0: not. Default: 0.
   */
  sampleReadsEvery?: number
  /** Default: this machine's clock. @unit ms */
  now?: () => number
}

/** Fewer rows are not worth a look. */
const LEAST_ROWS = 50
const QUICK_ROWS = 100
const QUICK_MOST_ROWS = 20_000
/** Repeated parents are no explosion, and worth telling where there is much of it. */
const WORTH_BYTES = 262_144
const MOST_STATES = 5_000
const LOOK_EVERY_MS = 60_000
const LOOK_LONGER_EVERY_MS = 600_000

/** What is known of a statement. Nothing of its results but counts. */
interface StatementState {
  subject: Subject
  shape: ResultShape | undefined
  growth: Growth
  growthToldAt: number
  lookedAt: number
  lookedLongerAt: number
  isShadowTold: boolean
  columnBytes: { name: string; bytes: number }[] | undefined
  reads: ColumnReads
}

/** Looks at what results are made of, in passing. Most of the time that is a look-up and a comparison. */
export function createShapeObserver(options: ShapeObserverOptions): ShapeObserver {
  return new ShapeObserver(options)
}

export class ShapeObserver implements StatementObserver {
  readonly #report: FindingSink
  readonly #now: () => number
  readonly #tables: TableBook
  readonly #sampler: ReadSampler | undefined
  /** Null: nobody's, or not to be looked at any more. */
  readonly #states = new Map<Statement, StatementState | null>()
  readonly #stateOfReads = new WeakMap<ColumnReads, StatementState>()

  constructor({ report, db, sampleReadsEvery = 0, now = Date.now }: ShapeObserverOptions) {
    this.#report = report
    this.#now = now
    this.#tables = new TableBook({ db, now })
    this.#sampler = sampleReadsEvery > 0 ? new ReadSampler(sampleReadsEvery) : undefined
  }

  observe(seen: SeenStatement, statement: Statement): void {
    const { rows } = seen
    if (rows === 0) return
    let state = this.#states.get(statement)
    if (state === undefined) state = this.#open(seen, statement)
    if (state === null) return
    state.growth.record(rows, seen.bytes)
    const isSampled = this.#sampler?.isTurn() === true
    if (rows < LEAST_ROWS && state.shape !== undefined && !isSampled) return
    try {
      this.#look(seen, state, isSampled)
    } catch {
      // Values of types that an application parses itself may do anything. The statement goes on, unwatched.
      this.#states.set(statement, null)
    }
  }

  #open({ text, request }: SeenStatement, statement: Statement): StatementState | null {
    const isOurs = text === undefined || text.startsWith('/* holdfast:')
    const state =
      isOurs || statement === overflow || statement === several ? null : openState(statement, request?.route)
    this.#states.set(statement, state)
    // A Map is looked into three times as fast as a WeakMap, and is to be bounded.
    if (this.#states.size > MOST_STATES) this.#states.delete(this.#states.keys().next().value as Statement)
    if (state !== null) this.#stateOfReads.set(state.reads, state)
    return state
  }

  #look(seen: SeenStatement, state: StatementState, isSampled: boolean): void {
    const result = readResult(seen.result)
    if (result === undefined || result.rows.length === 0) return
    if (state.shape === undefined || !isOfShape(state.shape, result)) {
      state.shape = readShape(result)
      state.isShadowTold = state.shape.shadows.length === 0
      state.reads.samples = 0
      state.reads.reads.clear()
      if (!state.isShadowTold) this.#tellShadowsSoon(state, state.shape)
    } else if (!state.isShadowTold) this.#tellShadows(state, state.shape)
    if (result.rows.length >= LEAST_ROWS) {
      const now = this.#now()
      this.#watchGrowth(state, seen, now)
      if (state.shape.sources.length >= 2) this.#lookAtRows(result, seen.bytes, state, state.shape, now)
    }
    if (isSampled) this.#sampleReads(result, state, state.shape)
  }

  #lookAtRows(result: ResultLike, bytes: number, state: StatementState, shape: ResultShape, now: number): void {
    if (now < state.lookedAt + LOOK_EVERY_MS) return
    const isSuspicious = bytes >= WORTH_BYTES || this.#isSuspicious(result, state, shape, now)
    if (!isSuspicious) return
    const tables = this.#tables.findAll(shape.sources.map(({ tableId }) => tableId))
    // The result cannot be kept until they are known; another one comes.
    if (tables === undefined) return
    const found = analyseShape(result, shape, tables)
    // Where there is nothing it will hardly be otherwise in a minute.
    state.lookedAt = found === undefined || found.factor < SUSPICIOUS ? now + LOOK_LONGER_EVERY_MS - LOOK_EVERY_MS : now
    const finding = found && describeShape(found, bytes, tables, state.subject)
    if (finding) this.#report(finding)
  }

  /** The beginning of each result; all of it where that may not be typical, and not often. */
  #isSuspicious({ rows }: ResultLike, state: StatementState, shape: ResultShape, now: number): boolean {
    if (lookQuickly(shape, rows, 0, QUICK_ROWS) >= SUSPICIOUS) return true
    if (rows.length <= QUICK_ROWS || now < state.lookedLongerAt + LOOK_LONGER_EVERY_MS) return false
    state.lookedLongerAt = now
    return lookQuickly(shape, rows, 0, QUICK_MOST_ROWS) >= SUSPICIOUS
  }

  /** Names take a look-up, and this statement may not come again for long. */
  #tellShadowsSoon(state: StatementState, shape: ResultShape): void {
    this.#tellShadows(state, shape)
    if (state.isShadowTold) return
    void this.#tables.settle().then(() => {
      if (state.shape === shape && !state.isShadowTold) this.#tellShadows(state, shape)
    })
  }

  #tellShadows(state: StatementState, shape: ResultShape): void {
    const ids = shape.shadows.flatMap(({ lostTableIds, keptTableId }) => [...lostTableIds, keptTableId])
    const tables = this.#tables.findAll([...ids, ...shape.sources.map(({ tableId }) => tableId)])
    if (tables === undefined) return
    state.isShadowTold = true
    this.#report(describeShadows(shape.shadows, tables, identify(shape, tables) === undefined, state.subject))
  }

  #watchGrowth(state: StatementState, { rows, text }: SeenStatement, now: number): void {
    const { growth } = state
    const isNewTime = growth.recordAt(rows, now)
    if (now < state.growthToldAt + LOOK_EVERY_MS) return
    if (!growth.isLarge && (!isNewTime || growth.steady === undefined)) return
    state.growthToldAt = now
    // By this text: PostgreSQL's fingerprint is the same with a limit and without one.
    if (isUnbounded(text ?? '')) this.#report(describeGrowth(growth, state.subject))
  }

  #sampleReads(result: ResultLike, state: StatementState, shape: ResultShape): void {
    const sampler = this.#sampler as ReadSampler
    const now = this.#now()
    for (const reads of sampler.collect(now)) this.#tellReads(reads)
    if (shape.isOfArrays) return
    const columns = [...shape.sources.flatMap(({ columns }) => columns), ...shape.expressions].filter(
      ({ isLost }) => !isLost,
    )
    const [row] = result.rows
    state.columnBytes = columns.map((column) => ({ name: column.name, bytes: measureCell(readCell(row, column)) }))
    sampler.probe(
      row,
      columns.map(({ name }) => name),
      state.reads,
      now,
    )
  }

  #tellReads(reads: ColumnReads): void {
    const state = this.#stateOfReads.get(reads)
    const finding = state?.columnBytes && describeReads(reads, state.columnBytes, state.subject)
    if (finding) this.#report(finding)
  }

  /** Tables that were asked for are known when this resolves: the next result is looked at. */
  async settle(): Promise<void> {
    await this.#tables.settle()
  }

  async close(): Promise<void> {
    this.#sampler?.close()
    await this.#tables.close()
  }
}

function openState(statement: Statement, route: string | undefined): StatementState {
  return {
    subject: { statement: statement.id, route: route === undefined || route === '(none)' ? '' : route },
    shape: undefined,
    growth: new Growth(),
    growthToldAt: -Infinity,
    lookedAt: -Infinity,
    lookedLongerAt: -Infinity,
    isShadowTold: false,
    columnBytes: undefined,
    reads: { samples: 0, reads: new Map() },
  }
}
