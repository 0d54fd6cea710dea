import type pg from 'pg'

/** Whose clients are taken for advice: one, for as long as it takes, and it is closed afterwards. */
export type AdvicePool = Pick<pg.Pool, 'connect'>

/** A statement to be advised on. */
export interface AdviceAsk {
  /** With `$n`, as the application sent it. */
  text: string
  /** Bound where plans are tried, and nowhere else: never stored, never in what comes back. Absent: the server takes frequent ones of its own statistics, and keeps them to itself. */
  values?: readonly unknown[]
  /** As the application's session has it. Absent: the pool's own. */
  searchPath?: string
  signal?: AbortSignal
  /** For all of it. Default: 10 000 ms. @unit ms */
  deadlineMs?: number
}

export type IndexKind = 'plain' | 'partial' | 'expression' | 'covering'

export interface IndexProof {
  /** `hypopg`: planned over the tables themselves. `sample`: on copies of a part of their rows, whose costs show the direction and not the size. */
  by: 'hypopg' | 'sample'
  costBefore: number
  costAfter: number
  /** Run on the copies; absent where it was not run. @unit ms */
  msBefore?: number
  msAfter?: number
  /** Of this table's rows, 0 to 1. */
  sampledShare?: number
  usesIndex: true
}

export interface IndexAdvice {
  /** One statement, or for a partitioned table several, each on a line of its own. */
  ddl: string
  table: string
  /** As they stand in the statement: `created_at desc`, `lower(email)`. */
  columns: string[]
  kind: IndexKind
  proof: IndexProof
  /** Estimated. @unit bytes */
  sizeBytes: number
  writeCost: string
  /** Existing indexes that it covers. */
  makesRedundant: string[]
}

export interface Advice {
  /** Best first, at most three. Each one's figures are with those before it in place. */
  advice: IndexAdvice[]
  refused: { why: string }[]
  /** Where a change of the statement, and no index, is what helps. */
  rewrites: { why: string; to: string }[]
  /** What the proof does not see. */
  notes: string[]
}

export interface IndexFault {
  kind: 'unused-index' | 'duplicate-index' | 'invalid-index'
  table: string
  index: string
  sentence: string
  sizeBytes: number
  fix: string
}

/** What is known of a column, without any of its values. */
export interface CatalogColumn {
  name: string
  /** The name in pg_type, of a domain's base: `int4`, `_text`. */
  type: string
  isCollationC: boolean
  /** How many different values; 0: not known. */
  distinct: number
  nullShare: number
  width: number
}

export interface IndexKey {
  /** As the server writes it: a column's name, or an expression. */
  text: string
  isDescending: boolean
  isNullsFirst: boolean
  /** Absent: the type's default. */
  opclass?: string
}

export interface CatalogIndex {
  name: string
  method: string
  keys: IndexKey[]
  include: string[]
  where: string | null
  isUnique: boolean
  isConstraint: boolean
  isValid: boolean
  /** From USING on. */
  definition: string
}

export interface CatalogTable {
  oid: number
  schema: string
  name: string
  kind: 'table' | 'partitioned' | 'view' | 'temporary' | 'other'
  columns: CatalogColumn[]
  indexes: CatalogIndex[]
  rows: number
  pages: number
  /** Of a view. */
  definition: string | null
  partitions: string[]
  hasRowSecurity: boolean
  /** `seconds`: since they are counted; null: the server does not tell. */
  writes: { inserts: number; updates: number; deletes: number; seconds: number | null }
}

/** The tables of a statement, by the name it calls them. */
export type Catalog = ReadonlyMap<string, CatalogTable>

export interface CandidateKey {
  text: string
  isDescending?: boolean
  /** Where it is not what the direction implies. */
  nulls?: 'first' | 'last'
  opclass?: string
  isExpression?: boolean
}

export interface Candidate {
  table: CatalogTable
  method: 'btree' | 'gin'
  keys: CandidateKey[]
  /** So many first keys are held against one value each: their order among themselves does not matter. */
  equals: number
  /** So many last keys have the first rows of an order ready. */
  orders: number
  include: string[]
  where: string | null
}
