/** How a table is read: by an index with a condition, along a whole index, or from its beginning to its end. */
export type AccessFamily = 'index' | 'walk' | 'seq' | 'other'

/** A node of a plan, without figures that differ from one execution to the next, and without values. */
export interface PlanNode {
  op: string
  relation?: string
  access?: AccessFamily
  indexes?: string[]
  /** Conditions, with `?` for each value. */
  cond?: string
  filter?: string
  children?: PlanNode[]
}

/** A table as a plan reads it. */
export interface Access {
  /** `schema.name`; partitions that are read the same way are one, named `schema.name_*`. */
  relation: string
  access: AccessFamily
  indexes: string[]
  /** What the planner expected. */
  rows: number
  /** How many tables this stands for. */
  partitions: number
}

export interface PlanShape {
  /** A signed 64-bit number as text. */
  id: string
  tree: PlanNode
  accesses: Access[]
  /** The planner's. */
  cost: number
  rows: number
  /** Columns that a filter casts, as `relation.column::type`: no plain index on them can be used. */
  casts: string[]
  /** Settings of the planner that are not the default. */
  settings: Readonly<Record<string, string>>
}

/** What is known of a table at a moment. */
export interface TableFacts {
  bytes: number
  /** By the statistics. */
  rows: number
  /** Changed since the statistics were made. */
  changed: number
  /** @unit ms since the epoch */
  analyzedAt: number | null
  indexes: Record<string, { isValid: boolean }>
  types: Record<string, string>
}

export type Facts = Readonly<Record<string, TableFacts>>
