/** Columns of a statement, and in how many sampled results each was read. */
export interface ColumnReads {
  samples: number
  reads: Map<string, number>
}

interface Probe {
  row: WeakRef<Record<string, unknown>>
  names: readonly string[]
  readNames: Set<string>
  tally: ColumnReads
  endsAt: number
}

const MOST_PROBES = 50
/** By then whoever wanted a column has read it. */
const PATIENCE_MS = 5_000

/**
 * Notes which columns the application reads of one row of a result. Nothing does that unseen: until it is read, a column of
 * that one row is a getter, which `util.inspect` and property descriptors show. Reading it gives its value and makes it a
 * plain property again; JSON, spreading, comparing and cloning read everything. Hence only for those who ask for it.
 */
export class ReadSampler {
  readonly #every: number
  readonly #probes: Probe[] = []
  #results = 0

  constructor(every: number) {
    this.#every = every
  }

  /** Counts results; true for one of so many. */
  isTurn(): boolean {
    if (++this.#results < this.#every) return false
    this.#results = 0
    return true
  }

  /** Only plain rows as node-postgres makes them: not arrays, not those that somebody else has had in hand. */
  probe(row: unknown, names: readonly string[], tally: ColumnReads, now: number): void {
    if (this.#probes.length >= MOST_PROBES || !isPlain(row)) return
    const readNames = new Set<string>()
    for (const name of names) replaceByGetter(row, name, readNames)
    this.#probes.push({ row: new WeakRef(row), names, readNames, tally, endsAt: now + PATIENCE_MS })
  }

  /** Ends probes whose time is over; the statements that they were of have news. */
  collect(now: number): ColumnReads[] {
    const ended: ColumnReads[] = []
    while (this.#probes[0] !== undefined && this.#probes[0].endsAt <= now)
      ended.push(this.#end(this.#probes.shift() as Probe))
    return ended
  }

  get hasProbes(): boolean {
    return this.#probes.length > 0
  }

  #end({ row, names, readNames, tally }: Probe): ColumnReads {
    // Of a row that nobody touched nothing is learnt: its result may have been asked for its length.
    if (readNames.size > 0) {
      tally.samples++
      for (const name of readNames) tally.reads.set(name, (tally.reads.get(name) ?? 0) + 1)
    }
    const live = row.deref()
    if (live !== undefined) for (const name of names) restore(live, name)
    return tally
  }

  /** Rows are as they were. */
  close(): void {
    for (const probe of this.#probes.splice(0)) this.#end(probe)
  }
}

function isPlain(row: unknown): row is Record<string, unknown> {
  return (
    typeof row === 'object' &&
    row !== null &&
    Object.getPrototypeOf(row) === Object.prototype &&
    Object.isExtensible(row)
  )
}

const getters = new WeakSet<object>()

function replaceByGetter(row: Record<string, unknown>, name: string, readNames: Set<string>): void {
  const own = Object.getOwnPropertyDescriptor(row, name)
  if (own?.writable !== true || own.configurable !== true) return
  let value: unknown = own.value
  const become = (target: object, next: unknown) =>
    Reflect.defineProperty(target, name, { value: next, writable: true, enumerable: true, configurable: true })
  const get = () => {
    readNames.add(name)
    become(row, value)
    return value
  }
  const set = (next: unknown) => {
    // A frozen row stays as it is, and says so as it would have.
    if (!become(row, next)) throw new TypeError(`Cannot assign to read only property '${name}' of object`)
    value = next
  }
  getters.add(get)
  Object.defineProperty(row, name, { get, set, enumerable: own.enumerable === true, configurable: true })
}

/** Its getter makes it a plain property again, unless its row was frozen. */
function restore(row: Record<string, unknown>, name: string): void {
  const own: { get?: () => unknown } = Object.getOwnPropertyDescriptor(row, name) ?? {}
  if (own.get !== undefined && getters.has(own.get)) own.get()
}
