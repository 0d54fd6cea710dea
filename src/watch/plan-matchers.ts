import type { ClientBase } from 'pg'
import { watchError } from './errors.js'
import type { Access, PlanNode } from './plans/plan-types.js'
import { toShape } from './plans/shape.js'
import { explainOnce } from './plans/store.js'

/** What PostgreSQL would do with a statement; nothing is executed. */
export interface Plan {
  /** Without values. */
  tree: PlanNode
  /** The tables that it reads, and how. */
  accesses: readonly Access[]
  /** The planner's. */
  cost: number
  /** That the planner expects. */
  rows: number
  /** The tree as text, for people. */
  toString(): string
}

/** What connect() gave you, or a pool of node-postgres. */
export type PlanSource = { pool: ConnectingPool } | ConnectingPool

interface ConnectingPool {
  connect(): Promise<ClientBase & { release(): void }>
}

export interface PlanOptions {
  /**
   * A table of a few rows is read whole, whatever indexes it has: that is quicker. True: the planner avoids it, so that the
   * plan tells whether an index can be used at all. Default: false.
   */
  avoidsWholeReads?: boolean
}

/**
 * The plan of a statement with these values, for tests: EXPLAIN in a transaction that is read only and rolled back, so that
 * an UPDATE changes nothing. The plan is the one of the tables as they are; see `avoidsWholeReads` for small ones.
 *
 * @example
 * expect.extend(planMatchers)
 * expect(await plan(db, 'select * from orders where user_id = $1', [7])).toUseIndex('orders_user_id')
 * @throws HF_WATCH_NO_PLAN
 */
export async function plan(
  source: PlanSource,
  text: string,
  values?: readonly unknown[],
  { avoidsWholeReads = false }: PlanOptions = {},
): Promise<Plan> {
  const client = await ('pool' in source ? source.pool : source).connect()
  try {
    const raw = await explainOnce(client, text, values, { avoidsWholeReads })
    const { tree, accesses, cost, rows } = toShape(raw)
    return { tree, accesses, cost, rows, toString: () => drawTree(tree).join('\n') }
  } catch (cause) {
    // What the server says may hold values.
    throw watchError('HF_WATCH_NO_PLAN', 'PostgreSQL gives no plan for this statement.', { cause })
  } finally {
    client.release()
  }
}

interface Outcome {
  pass: boolean
  message: () => string
}

/** For `expect.extend(planMatchers)` of vitest and jest. */
export const planMatchers = {
  /** Some table is found by an index (by this one): with a condition on it, not merely along it. */
  toUseIndex(received: unknown, name?: string): Outcome {
    const found = readPlan(received)
    const used = found.accesses.filter(({ access }) => access === 'index').flatMap(({ indexes }) => indexes)
    const pass = name === undefined ? used.length > 0 : used.includes(name)
    const wanted = name === undefined ? 'an index' : `the index ${name}`
    const what = used.length === 0 ? 'it uses none' : `it uses ${used.join(', ')}`
    return { pass, message: () => explainOutcome(`to use ${wanted}`, pass, what, found) }
  },
  /** The table is read from its beginning to its end. Its name may go without its schema. */
  toReadWhole(received: unknown, table: string): Outcome {
    const found = readPlan(received)
    const own = found.accesses.filter(({ relation }) => isNamed(relation, table))
    const pass = own.some(({ access }) => access === 'seq')
    const ways = own.map(({ access, indexes }) =>
      access === 'seq' ? 'reads all of it' : `finds it by ${indexes.join(', ') || access}`,
    )
    const what = own.length === 0 ? `it does not read ${table}` : `it ${ways.join(', and ')}`
    return { pass, message: () => explainOutcome(`to read all of ${table}`, pass, what, found) }
  },
}

/**
 * What the matchers add to `expect`, for the compiler. Not added by holdfast itself: it would not compile without vitest.
 *
 * @example
 * declare module 'vitest' {
 *   interface Matchers extends PlanAssertions {}
 * }
 */
export interface PlanAssertions<R = void> {
  /** Some table is found by an index (by this one). */
  toUseIndex(name?: string): R
  /** The table is read from its beginning to its end. */
  toReadWhole(table: string): R
}

function readPlan(received: unknown): Plan {
  if (typeof received === 'object' && received !== null && 'accesses' in received && 'tree' in received)
    return received as Plan
  throw new TypeError('This matcher wants a plan: expect(await plan(db, text, values)).')
}

const isNamed = (relation: string, table: string): boolean =>
  relation === table || (!table.includes('.') && relation.endsWith(`.${table}`))

const explainOutcome = (wanted: string, passed: boolean, what: string, found: Plan): string =>
  `Expected the plan ${passed ? 'not ' : ''}${wanted}; ${what}.\n\n${found.toString()}`

function drawTree({ op, relation, access, indexes = [], cond, filter, children = [] }: PlanNode): string[] {
  const where = relation === undefined ? '' : ` on ${relation}`
  const by =
    access === undefined ? '' : access === 'seq' ? ', all of it' : indexes.length > 0 ? ` by ${indexes.join(', ')}` : ''
  const along = access === 'walk' ? ', along all of the index' : ''
  const details = [cond === undefined ? '' : `cond: ${cond}`, filter === undefined ? '' : `filter: ${filter}`]
  return [
    `${op}${where}${by}${along}`,
    ...details.filter((line) => line !== '').map((line) => `    ${line}`),
    ...children.flatMap((child) => drawTree(child).map((line) => `  ${line}`)),
  ]
}
