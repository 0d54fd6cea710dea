import type { Logger, Tx } from '../core/index.js'

/** A number that goes down: places, pieces. */
export interface StockTable {
  /** Your table, `schema.table` or found by the search path. */
  table: string
  /** Column that tells one resource from another, such as `id`; unique. */
  resource: string
  /** Column with what is free. A `check (… >= 0)` on it is the last line. */
  free: string
}

/** One row for each of what can be held: seats, rooms, licences. */
export interface UnitsTable {
  table: string
  /** Column that tells which resource a unit belongs to, such as `event_id`. */
  resource: string
  /** Column with the unit's name, such as `id`; unique within a resource. */
  unit: string
  /** A `bigint` column, null where the unit is free: the id of its hold. */
  hold: string
}

export interface Stock {
  readonly kind: 'stock'
  readonly name: string
  readonly table?: StockTable
}

export interface Units {
  readonly kind: 'units'
  readonly name: string
  readonly table?: UnitsTable
}

export interface HoldOptions {
  /** It is held for so long, then it comes back by itself. Default: 600 000 ms (ten minutes). */
  ttlMs?: number
  /** The same hold for the same key, however often it is asked for: pass what makes the intent one, such as a cart's id. At most 200 characters. Default: each call is a hold of its own. */
  key?: string
  /** Only who gives the same one confirms or releases it. At most 200 characters. Default: whoever knows the id. */
  owner?: string
  /** Units that somebody else is just taking are waited for so long. Default: 1 000 ms. */
  waitMs?: number
  signal?: AbortSignal
}

/** What a hold is of. */
export interface HeldThing {
  id: string
  /** The name of what it was taken from. */
  from: string
  resource: string
  quantity: number
  /** Null: of a stock. */
  units: string[] | null
}

export interface Hold extends HeldThing {
  expiresAt: Date
  /** False: there was one with this key already. */
  isNew: boolean
}

export interface ConfirmedHold extends HeldThing {
  /** It was confirmed before: what follows from it may have been done. */
  wasConfirmed: boolean
}

export interface ExtendedHold extends HeldThing {
  /** Of one that is not confirmed: it ends then. */
  expiresAt: Date
  /** It has no end any more. */
  isConfirmed: boolean
}

export interface Totals {
  /** What can still be held. */
  free: number
  /** What is held and not confirmed, expired or not. */
  held: number
}

export interface HoldsOptions {
  /** What can be held in this process. */
  from: readonly (Stock | Units)[]
  logger?: Logger
}

export interface Holds {
  /**
   * Takes at once, outside of any transaction: others must see it. Calls of one process for one resource at the same time
   * share a statement and a commit; each of them is answered for itself.
   * @throws HF_HOLDS_SOLD_OUT, HF_HOLDS_UNKNOWN, HF_HOLDS_KEY_REUSED, HF_HOLDS_REQUEST
   */
  hold(from: Stock, resource: string, what: { quantity: number }, options?: HoldOptions): Promise<Hold>
  /** All of the named ones or none, or so many of whichever are free. @throws HF_HOLDS_TAKEN and the above */
  hold(
    from: Units,
    resource: string,
    what: { units: readonly string[] } | { any: number },
    options?: HoldOptions,
  ): Promise<Hold>
  /**
   * Makes holds lasting, exactly if `tx` commits: from here on nothing takes them back. Again is no error.
   * @throws HF_HOLDS_GONE, HF_HOLDS_NOT_YOURS
   */
  confirm(tx: Tx, ids: string | readonly string[], options?: ConfirmOptions): Promise<ConfirmedHold[]>
  /**
   * They end in `ttlMs` from now, or when they would have: never earlier. With `tx`, exactly if that commits.
   * @throws HF_HOLDS_GONE, HF_HOLDS_NOT_YOURS
   */
  extend(ids: string | readonly string[], options?: ExtendOptions): Promise<ExtendedHold[]>
  extend(tx: Tx, ids: string | readonly string[], options?: ExtendOptions): Promise<ExtendedHold[]>
  /** Puts holds back; with `tx`, exactly if that commits. Gives how many: one that is gone is no error. @throws HF_HOLDS_NOT_YOURS, HF_HOLDS_CONFIRMED */
  release(ids: string | readonly string[], options?: ReleaseOptions): Promise<number>
  release(tx: Tx, ids: string | readonly string[], options?: ReleaseOptions): Promise<number>
  /** How much of a stock without a table of yours there is, held and sold included. @throws HF_HOLDS_SOLD_OUT when more than that is taken */
  setTotal(tx: Tx, stock: Stock, resource: string, total: number): Promise<void>
  /** Adds units without a table of yours; those that are there already stay as they are. Gives how many are new. */
  addUnits(tx: Tx, units: Units, resource: string, names: readonly string[]): Promise<number>
  totals(from: Stock | Units, resource: string): Promise<Totals>
  /** Takes back what has expired, now. Done every second by itself. */
  sweep(): Promise<void>
  close(): Promise<void>
}

export interface ConfirmOptions {
  /** The one that the hold was made with. */
  owner?: string
}

export interface ExtendOptions extends ConfirmOptions {
  /** Held for so long from now on. Default: 600 000 ms (ten minutes). */
  ttlMs?: number
}

export interface ReleaseOptions extends ConfirmOptions {
  /** Confirmed ones too: a refund. Default: false. */
  confirmed?: boolean
}
