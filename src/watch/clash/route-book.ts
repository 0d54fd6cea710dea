import type { Catalog } from './catalog.js'
import { keyOf, Sights, type Decision } from './facts.js'
import { follows, listHeld, listIndexes, meetGuards, nameIndex, type Guards } from './guards.js'
import { findLinks, type Link, type LinkKind } from './links.js'
import { isWrite, type Condition, type Isolation, type WritePart } from './shape.js'
import { readSite } from './site.js'
import { listParameters, resolveValue, type Op, type Trace } from './trace.js'
import { hashValue } from './values.js'

/** A statement's part, without a value: what is kept when the request has ended. */
export interface Deed {
  key: string
  statement: string
  text: string
  site: string
  /** How often a line was looked for. */
  looks: number
  part: Op['part']
}

export interface KnownLink {
  kind: LinkKind
  route: string
  read: Deed
  write: Deed
  cells: readonly string[]
  isOfSet: boolean
  column: string
  isSure: boolean
  isWeak: boolean
  guards: Guards
  requests: number
  /** Of requests that both read and wrote. */
  chances: number
  decision: Decision | undefined
  /** A later read decides anew: requests have stopped there too. */
  isRetaken: boolean
  toggles: Set<string>
}

export interface KnownWrite {
  route: string
  deed: Deed
  part: WritePart
  /** Locks that are held when it writes, whose key follows from its row. */
  held: readonly string[]
  isolation: Isolation
  /** Columns that it has only ever written back as they had been read. */
  copied: ReadonlySet<string>
  /** Unique indexes that its rows are in. */
  indexes: readonly string[]
  /** In no transaction, and beside other statements. */
  isAlone: boolean
  /** Columns that have always been given the same value, of more than one request. */
  constant: ReadonlySet<string>
}

const MOST_ROUTES = 500
const MOST_LINKS = 300

/** What requests of a route have been seen to do. */
export class RouteBook {
  readonly #routes = new Map<string, RouteNotes>()

  note(trace: Trace, route: string, catalog: Catalog): Link[] {
    let notes = this.#routes.get(route)
    if (notes === undefined) {
      if (this.#routes.size >= MOST_ROUTES) return []
      this.#routes.set(route, (notes = new RouteNotes(route)))
    }
    return notes.note(trace, catalog)
  }

  get links(): KnownLink[] {
    return [...this.#routes.values()].flatMap((notes) => notes.links)
  }

  get writes(): KnownWrite[] {
    return [...this.#routes.values()].flatMap((notes) => notes.writes)
  }
}

class RouteNotes {
  readonly #route: string
  readonly #sights = new Sights()
  readonly #links = new Map<string, { link: KnownLink; read: Op; write: Op }>()
  readonly #writes = new Map<string, KnownWrite>()
  /** Hashes of what was written, by write and column. */
  readonly #values = new Map<string, Map<string, { texts: Set<string>; times: number }>>()

  constructor(route: string) {
    this.#route = route
  }

  note(trace: Trace, catalog: Catalog): Link[] {
    // What it read there tells why it gave up, and not why it wrote anything later.
    const done = trace.ops.filter(({ transaction }) => !transaction.isUndone)
    const undone = trace.ops.filter(({ transaction, part }) => transaction.isUndone && !isWrite(part))
    this.#sights.note({ ...trace, ops: [...done, ...undone].toSorted((a, b) => a.at - b.at) })
    return this.#noteDone({ ...trace, ops: done }, catalog)
  }

  #noteDone(trace: Trace, catalog: Catalog): Link[] {
    const links = findLinks(trace, catalog)
    const noted = new Set<string>()
    for (const link of links) {
      const key = nameLink(link)
      this.#noteLink(key, link, noted.has(key))
      noted.add(key)
    }
    const together = new Set<string>()
    for (const { read, write } of links) together.add(`${keyOf(read)}>${keyOf(write)}`)
    for (const { link } of this.#links.values()) if (together.has(`${link.read.key}>${link.write.key}`)) link.chances++
    for (const op of trace.ops) if (isWrite(op.part)) this.#noteWrite(trace, op, op.part, links, catalog)
    return links
  }

  #noteLink(key: string, link: Link, isNoted: boolean): void {
    const known = this.#links.get(key)
    if (known) {
      if (!isNoted) known.link.requests++
      learnSite(known.link.read, link.read)
      learnSite(known.link.write, link.write)
      if (link.toggled !== undefined) known.link.toggles.add(link.toggled)
      known.link.isSure ||= link.isSure || known.link.toggles.size > 1
      known.link.isWeak &&= link.isWeak === true
      known.link.guards = meetGuards(known.link.guards, link.guards)
      return
    }
    if (this.#links.size >= MOST_LINKS) return
    const { kind, cells, isOfSet, column, isWeak = false, guards, read, write, toggled } = link
    // A flag that is always set to the same is no toggle, unless the route says so.
    const isSure = link.isSure || (toggled !== undefined && /toggle|flip|switch/i.test(this.#route))
    this.#links.set(key, {
      read: bare(read),
      write: bare(write),
      link: {
        kind,
        route: this.#route,
        read: toDeed(read),
        write: toDeed(write),
        cells,
        isOfSet,
        column,
        isSure,
        isWeak,
        guards,
        requests: 1,
        chances: 0,
        decision: undefined,
        isRetaken: false,
        toggles: new Set(toggled === undefined ? [] : [toggled]),
      },
    })
  }

  #noteWrite(trace: Trace, op: Op, part: WritePart, links: readonly Link[], catalog: Catalog): void {
    const held = listHeld(trace, op)
      .filter((lock) => follows(lock, op, trace))
      .map(({ object }) => object)
    const { isolation } = op.transaction
    const backs = links.filter(({ kind, write }) => kind === 'copied' && write === op).map(({ column }) => column)
    // What a PATCH leaves alone this time it changes the next.
    const merges = this.#route.startsWith('PATCH ') && part.kind === 'update' && part.set.length > backs.length
    const copied = [...(merges ? [] : backs), ...listUnchanged(op, part), ...listFoundBy(trace, op, part)]
    const known = this.#writes.get(keyOf(op))
    if (known) learnSite(known.deed, op)
    this.#writes.set(keyOf(op), {
      route: this.#route,
      deed: known?.deed ?? toDeed(op),
      part,
      held: known ? known.held.filter((lock) => held.includes(lock)) : held,
      isolation: known && known.isolation !== isolation ? 'read committed' : isolation,
      indexes: listOwnIndexes(op, part, catalog).filter((index) => known?.indexes.includes(index) ?? true),
      constant: this.#noteValues(op, part),
      isAlone: known?.isAlone === true || (op.transaction.isAutocommit && trace.ops.some(({ at }) => at !== op.at)),
      copied: new Set(known ? copied.filter((column) => known.copied.has(column)) : copied),
    })
  }

  #noteValues(op: Op, part: WritePart): Set<string> {
    const byColumn = this.#values.get(keyOf(op)) ?? new Map<string, { texts: Set<string>; times: number }>()
    this.#values.set(keyOf(op), byColumn)
    for (const { column, value } of part.kind === 'update'
      ? part.set
      : part.kind === 'insert'
        ? part.rows.flat()
        : []) {
      const seen = byColumn.get(column) ?? { texts: new Set<string>(), times: 0 }
      byColumn.set(column, seen)
      seen.times++
      if (seen.texts.size < 3) for (const text of listParameters(value, op)) seen.texts.add(hashValue(String(text)))
    }
    return new Set(
      [...byColumn].filter(([, { texts, times }]) => times > 1 && texts.size === 1).map(([column]) => column),
    )
  }

  get links(): KnownLink[] {
    return [...this.#links.values()].map(({ link, read, write }) => ({
      ...link,
      decision: this.#sights.decide(read, write),
      isRetaken: this.#sights.isRetaken(link.guards.supersededBy, write),
    }))
  }

  get writes(): KnownWrite[] {
    return [...this.#writes.values()]
  }
}

const nameLink = ({ read, write, kind, column }: Link): string => `${keyOf(read)}>${keyOf(write)}:${kind}:${column}`

function listOwnIndexes(op: Op, part: WritePart, catalog: Catalog): string[] {
  const table = part.kind === 'delete' ? undefined : catalog.findByWholeName(part.table)
  return table ? listIndexes(op, table).map(nameIndex) : []
}

/** `set name = $1 … where name = $2`, with the same value: ORMs write the key back. */
function listUnchanged(op: Op, part: WritePart): string[] {
  if (part.kind !== 'update') return []
  const keys = part.conditions.filter(({ op: by }) => by === '=')
  const asked = new Map(keys.map(({ column, value }) => [column, resolveValue(value, op).join()]))
  return part.set.flatMap(({ column, value }) => {
    const text = resolveValue(value, op).join()
    return text !== '' && asked.get(column) === text ? [column] : []
  })
}

/** It sets what its row was found by, a moment ago, to the same: both came with the request. */
function listFoundBy({ ops }: Trace, op: Op, part: WritePart): string[] {
  if (part.kind !== 'update') return []
  const found = new Map<string, string>()
  for (const read of ops) {
    if (read.at >= op.at) break
    if (read.part.kind !== 'read' || read.rowCount !== 1 || !isRowOf(read, op, part.conditions)) continue
    for (const { table, column, op: by, value } of read.part.conditions)
      if (table === part.table && by === '=') found.set(column, resolveValue(value, read).join())
  }
  return part.set.flatMap(({ column, value }) => {
    const text = resolveValue(value, op).join()
    return text !== '' && found.get(column) === text ? [column] : []
  })
}

/** The row that was read is the one that is written. */
const isRowOf = ({ rows }: Op, write: Op, conditions: readonly Condition[]): boolean =>
  conditions.some(({ table, column, op, value }) => {
    const text = rows[0]?.get(`${table}.${column}`)
    return op === '=' && text !== undefined && text !== null && resolveValue(value, write).includes(text)
  })

/** No values are kept. */
const bare = (op: Op): Op => ({ ...op, values: [], rows: [] })

/** Where no frame is the application's, none of the next will be. */
const MOST_LOOKS = 50

/** Not each statement brings its line with it. */
function learnSite(deed: Deed, { site }: Op): void {
  if (deed.site === '' && site !== undefined && deed.looks++ < MOST_LOOKS) deed.site = readSite(site)
}

function toDeed(op: Op): Deed {
  const { statement, site, part } = op
  return { key: keyOf(op), statement: statement.id, text: statement.text, site: readSite(site), looks: 0, part }
}
