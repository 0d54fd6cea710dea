import type { Clash } from '../../watch/index.js'

/** A statement on its way through the gate. */
export interface GateStatement {
  text: string
  values: readonly unknown[] | undefined
  /** What earlier statements of the request gave. */
  earlier: readonly { text: string; rows: readonly unknown[] }[]
}

/** A change that is made at the gate, so that it can be proven before anybody edits a line. */
export interface GateFix {
  /** Made on the clone before the replay. */
  ddl?: readonly string[]
  /** Takes them back. */
  undo?: readonly string[]
  rewrite?(statement: GateStatement): Rewritten | undefined
  /** What `rewrite` is made of, so that an application in another process makes the same one: no value leaves it. */
  proposal?: { clash: Clash; name: FixName }
  /** SQLSTATEs after which the request is run again, at most five times. */
  retryOn?: readonly string[]
  /** Of the transactions that the requests begin. */
  isolation?: 'serializable'
  /** The requests exclude each other from their first statement to their end. */
  excludes?: boolean
}

export interface Rewritten {
  text: string
  values?: readonly unknown[]
  /** No row changed: somebody was faster, and the request is run again. */
  mustAffect?: boolean
}

export type FixName =
  | 'conditional statement'
  | 'relative update'
  | 'compare and set'
  | 'FOR UPDATE'
  | 'SKIP LOCKED'
  | 'unique index'
  | 'SERIALIZABLE with retry'
  | 'lock'

export interface Fix {
  name: FixName
  /** What to do, in one sentence. */
  title: string
  /** What to write, without values. */
  sql: string
  gate: GateFix
}
