import { Coarse } from './coarse.js'
import { addSample, median, openKnown, type KnownShape } from './known-shape.js'
import type { PlanShape } from './plan-types.js'
import { compare, isClear, type Regression } from './regression.js'

/** Explained at most so often: one for twenty executions, and a few at once where something is new. */
const TOKENS_PER_EXECUTION = 0.05
const MOST_TOKENS = 5
/** Kept for executions that are slower than nearly all before: a plan that flipped shows itself in them. */
const RESERVED_TOKENS = 3
const SAMPLE_EVERY = 50
const LAST = 256
const LOOK_EVERY = 32
const MOST_SHAPES = 50
const MOST_VALUES = 256
const SUSPECT_SAMPLES = 5
/** With fewer executions before it, nothing is called new: it is being learned. */
const LEARNED = 30

export interface Sighting {
  shape: PlanShape
  isInferred: boolean
  ms: number
  /** Tells executions with the same values from others; no value can be had from it. */
  values: string
}

export interface Flip {
  kind: 'flip'
  before: KnownShape
  after: KnownShape
  regression: Regression
  /** Null: these values never ran with the other plan. @unit ms */
  beforeMs: number | null
  afterMs: number
  /** Executions with the very same values had the other plan before. */
  isSameValues: boolean
  /** Executions since the new plan was first seen. */
  executions: number
}

/** Executions have become slower, whatever the plan is. */
export interface Drift {
  kind: 'drift'
  known: KnownShape | undefined
  beforeMs: number
  afterMs: number
  share: number
  /** The planner expects so much more than when the shape was first seen. */
  costRatio: number
}

interface OfValues {
  /** As it was planned for these values, last. */
  plan: PlanShape
  samples: number[]
  before: { plan: PlanShape; ms: number } | undefined
}

interface Suspect {
  known: KnownShape
  since: number
  before: Coarse
  after: Coarse
}

/** One statement: the plans that it is known to have, how long it takes, and whether that has changed for the worse. */
export class StatementPlans {
  readonly shapes = new Map<string, KnownShape>()
  /** Of earlier processes and others, to be read before the first verdict. */
  isLoaded = false
  refusals = 0
  #tokens = MOST_TOKENS
  #executions = 0
  #explained = 0
  readonly #recent = new Float32Array(LAST)
  readonly #baseline = new Coarse()
  #slowMs = 0
  #verySlowMs = Infinity
  #firstCost = new Map<string, number>()
  readonly #values = new Map<string, OfValues>()
  #suspect: Suspect | undefined
  /** Tests of duration that said so, one after the other. */
  #drifting = 0
  #quietUntil = 0
  #told = new Set<string>()

  get executions(): number {
    return this.#executions
  }

  /** A plan is new, and a few more executions of it will tell whether it is worse. */
  get isSuspicious(): boolean {
    return this.#suspect !== undefined && this.#suspect.known.samples.length < SUSPECT_SAMPLES
  }

  get explained(): number {
    return this.#explained
  }

  /** True: this one is to be explained. */
  noteExecution(ms: number): boolean {
    const place = this.#executions % LAST
    if (this.#executions >= LAST) this.#baseline.record(this.#recent[place] as number)
    this.#recent[place] = ms
    this.#executions++
    this.#suspect?.after.record(ms)
    if (this.#executions % LOOK_EVERY === 0) this.#learnSlow()
    this.#tokens = Math.min(MOST_TOKENS, this.#tokens + TOKENS_PER_EXECUTION)
    if (!this.#isWorthIt(ms)) return false
    this.#tokens--
    this.#explained++
    return true
  }

  #isWorthIt(ms: number): boolean {
    if (this.#tokens < 1) return false
    if (this.#executions <= 2 || ms >= this.#verySlowMs || this.#drifting > 0) return true
    if (this.#tokens < 2) return false
    if (this.#suspect && ms >= this.#suspect.known.typicalMs * 0.5) return true
    if (this.#tokens < RESERVED_TOKENS) return false
    return ms >= this.#slowMs || this.#executions % SAMPLE_EVERY === 0
  }

  /** Of the time before the last executions: what has just become slow must not be learned before it is looked at. */
  #learnSlow(): void {
    if (this.#suspect) return
    const usual = this.#baseline.count >= LAST ? this.#baseline : this.#all()
    this.#slowMs = usual.percentile(0.95)
    this.#verySlowMs = Math.max(usual.percentile(0.99) * 1.25, usual.percentile(0.5) * 2)
  }

  #all(): Coarse {
    const all = this.#last()
    all.add(this.#baseline)
    return all
  }

  #last(): Coarse {
    const last = new Coarse()
    for (let place = 0; place < Math.min(LAST, this.#executions); place++) last.record(this.#recent[place] as number)
    return last
  }

  /** Takes in what an execution's plan was; gives what has become worse by it. */
  noteSighting({ shape, isInferred, ms, values }: Sighting): Flip | undefined {
    const isNew = !this.shapes.has(shape.id)
    const known = this.shapes.get(shape.id) ?? this.#open(shape, isInferred)
    known.isInferred ||= isInferred
    addSample(known, shape, ms)
    const ofValues = this.#noteValues(values, shape, ms)
    if (isNew && this.#executions > LEARNED && this.shapes.size > 1) {
      const before = this.#all()
      this.#suspect ??= { known, since: this.#executions, before, after: new Coarse() }
      this.#suspect.after.record(ms)
    }
    return this.#judgeValues(known, ofValues) ?? this.#judgeSuspect() ?? this.#judgeByMemory(known)
  }

  /** Takes in what other processes, or earlier ones, know. */
  load(known: readonly KnownShape[]): void {
    this.isLoaded = true
    for (const one of known) {
      const own = this.shapes.get(one.shape.id)
      if (own) own.isFromBefore = true
      else this.shapes.set(one.shape.id, { ...one, isFromBefore: true })
      this.#firstCost.set(one.shape.id, one.cost)
    }
  }

  #open(shape: PlanShape, isInferred: boolean): KnownShape {
    const known = openKnown(shape, isInferred)
    if (this.shapes.size >= MOST_SHAPES) this.#forgetRarest()
    this.shapes.set(shape.id, known)
    this.#firstCost.set(shape.id, shape.cost)
    return known
  }

  #forgetRarest(): void {
    const [rarest] = [...this.shapes.values()].toSorted((a, b) => a.seen - b.seen)
    if (rarest) this.shapes.delete(rarest.shape.id)
  }

  #noteValues(values: string, plan: PlanShape, ms: number): OfValues {
    const entry = this.#values.get(values) ?? { plan, samples: [], before: undefined }
    this.#values.delete(values)
    this.#values.set(values, entry)
    if (this.#values.size > MOST_VALUES) this.#values.delete(this.#values.keys().next().value as string)
    if (entry.plan.id !== plan.id) {
      entry.before = { plan: entry.plan, ms: median(entry.samples) }
      entry.samples = []
    }
    entry.plan = plan
    entry.samples.push(ms)
    if (entry.samples.length > 5) entry.samples.shift()
    return entry
  }

  /** The planner has changed its mind about the very same values. */
  #judgeValues(known: KnownShape, { before: earlier, samples }: OfValues): Flip | undefined {
    if (earlier === undefined || samples.length < 2 || this.#executions <= LEARNED) return undefined
    const usual = this.shapes.get(earlier.plan.id)
    if (usual === undefined) return undefined
    const before = { ...usual, shape: earlier.plan }
    return this.#decide({ before, after: known, beforeMs: earlier.ms, afterMs: median(samples), isSameValues: true })
  }

  /** A plan that nobody has seen before, and more slow executions since then than there ever were. */
  #judgeSuspect(): Flip | undefined {
    if (this.#suspect === undefined) return undefined
    const { known, before, after, since } = this.#suspect
    if (known.samples.length < 2) return undefined
    if (this.#executions - since > 4 * LAST) {
      this.#suspect = undefined
      return undefined
    }
    const other = this.#findUsual(known)
    if (other === undefined) return undefined
    const share = findRise(before, after, median(known.samples), isClear(compare(other.shape, known.shape)))
    if (share === undefined) return undefined
    const [beforeMs, afterMs] = [before.percentile(share), after.percentile(share)]
    return this.#decide({ before: other, after: known, beforeMs, afterMs, isSameValues: false })
  }

  /** This process began after the plan had changed, such as with a deploy: it has no time before to compare with. */
  #judgeByMemory(known: KnownShape): Flip | undefined {
    if (known.isFromBefore || known.samples.length < 5) return undefined
    const earlier = [...this.shapes.values()].filter((each) => each.isFromBefore)
    if (earlier.reduce((sum, { seen }) => sum + seen, 0) < LEARNED) return undefined
    const [before] = earlier.toSorted((a, b) => b.seen - a.seen)
    const beforeMs = Math.max(...earlier.map(({ typicalMs }) => typicalMs))
    const afterMs = median(known.samples)
    if (before === undefined || afterMs < beforeMs * 2) return undefined
    if (!isClear(compare(before.shape, known.shape))) return undefined
    return this.#decide({ before, after: known, beforeMs, afterMs, isSameValues: false })
  }

  #findUsual(known: KnownShape): KnownShape | undefined {
    return [...this.shapes.values()].filter((each) => each !== known).toSorted((a, b) => b.seen - a.seen)[0]
  }

  #decide(found: Omit<Flip, 'kind' | 'regression' | 'executions'> & { beforeMs: number }): Flip | undefined {
    const { before, after, beforeMs, afterMs } = found
    const regression = compare(before.shape, after.shape)
    const [ratio, least] = isClear(regression) ? [1.25, 1] : [2, 2]
    if (afterMs < beforeMs * ratio || afterMs < beforeMs + least) return undefined
    const pair = `${before.shape.id} ${after.shape.id}`
    const since = this.#suspect?.known === after ? this.#suspect.since : this.#executions
    this.#suspect = undefined
    if (this.#told.has(pair)) return undefined
    this.#told.add(pair)
    this.#settle()
    return { kind: 'flip', ...found, regression, executions: this.#executions - since }
  }

  /**
   * A session has gone over to a plan for any values, and these ones would have had a far better one. Without a time
   * before: it may have been so from the sixth execution on.
   */
  judgeGeneric(generic: KnownShape, custom: PlanShape): Flip | undefined {
    const regression = compare(custom, generic.shape)
    const afterMs = median(generic.samples)
    if (regression.lost.length === 0 || regression.costRatio < 2 || generic.samples.length < 2 || afterMs < 5)
      return undefined
    const pair = `${custom.id} ${generic.shape.id}`
    if (this.#told.has(pair)) return undefined
    this.#told.add(pair)
    this.#settle()
    const before = this.shapes.get(custom.id) ?? openKnown(custom, false)
    return {
      kind: 'flip',
      before,
      after: generic,
      regression,
      beforeMs: null,
      afterMs,
      isSameValues: true,
      executions: 0,
    }
  }

  /** What is now is what later is compared with. */
  #settle(): void {
    this.#baseline.reset()
    this.#drifting = 0
    this.#quietUntil = this.#executions + 2 * LAST
    for (const entry of this.#values.values()) entry.before = undefined
  }

  /** Called now and then: are the last executions slower than those before, the plan being what it was? */
  lookForDrift(): Drift | undefined {
    if (this.#executions < this.#quietUntil || this.#baseline.count < LAST || this.#suspect) return undefined
    const last = this.#last()
    const found = [0.5, 0.95, 0.99].find((share) => {
      const ms = this.#baseline.percentile(share)
      return hasRisen(this.#baseline, last, Math.max(ms * 2, ms + 5), 5, 8)
    })
    this.#drifting = found === undefined ? 0 : this.#drifting + 1
    if (found === undefined || this.#drifting < 3) return undefined
    const known = this.#findUsual({} as KnownShape)
    const first = known && this.#firstCost.get(known.shape.id)
    const costRatio = known && first ? known.shape.cost / first : 1
    const [beforeMs, afterMs] = [this.#baseline.percentile(found), last.percentile(found)]
    return { kind: 'drift', known, beforeMs, afterMs, share: found, costRatio }
  }

  /** It has been told. */
  settleDrift(): void {
    this.#settle()
    for (const { shape } of this.shapes.values()) this.#firstCost.set(shape.id, shape.cost)
  }

  get driftLooks(): number {
    return this.#drifting
  }
}

/**
 * The percentile that has risen by more than chance, if one has: what all executions come to, or the slow ones of them.
 * Three deviations and one execution would tell a plain flip sooner, and told one in steady traffic in every thirty runs of the
 * property test.
 */
function findRise(before: Coarse, after: Coarse, typicalMs: number, isPlain: boolean): number | undefined {
  const factor = isPlain ? 1.5 : 2
  const tests: [number, number][] = [
    [0.5, Math.max(before.percentile(0.5) * factor, before.percentile(0.5) + 1)],
    [0.95, Math.max(before.percentile(0.95) * 1.25, before.percentile(0.95) + 1)],
    [0.95, typicalMs * 0.8],
  ]
  return tests.find(([, ms]) => hasRisen(before, after, ms, 4, 3))?.[0]
}

/**
 * Whether more of `after` are longer than could be by chance. Of values that come rarely none may have come before: the
 * share is then what it may be at most.
 */
function hasRisen(before: Coarse, after: Coarse, ms: number, deviations: number, least: number): boolean {
  if (before.count === 0) return false
  const above = before.countAbove(ms)
  const atMost = (above + 3 + 2 * Math.sqrt(above)) / before.count
  const expected = atMost * after.count
  return after.countAbove(ms) >= expected + deviations * Math.sqrt(expected) + least
}
