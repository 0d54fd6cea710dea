import type { Clash } from '../../watch/index.js'
import { addCondition, appendClause, isPlainSelect, makeRelative, type Identify } from './rewrite.js'
import type { Fix, GateFix } from './types.js'

const retryOn = ['40001', '40P01']

/**
 * What would help, the smallest change first. `identify` gives a statement's id by its text: the texts that come through the
 * gate have other literals than the one that was seen.
 */
export function proposeFixes(clash: Clash, identify: Identify): Fix[] {
  const { kind } = clash
  const list: (Fix | undefined)[] =
    kind === 'queue'
      ? [skipLocked(clash, identify), serializable(clash), lock(clash)]
      : kind === 'check then insert' || kind === 'get or create' || kind === 'number drawn by reading'
        ? [uniqueIndex(clash), serializable(clash), lock(clash)]
        : kind === 'lost update' || kind === 'check then update'
          ? [
              conditional(clash, identify),
              forUpdate(clash, identify),
              compareAndSet(clash, identify),
              serializable(clash),
              lock(clash),
            ]
          : [serializable(clash), lock(clash)]
  return list.filter((fix) => fix !== undefined).map((fix) => nameProposal(fix, clash))
}

const nameProposal = (fix: Fix, clash: Clash): Fix =>
  fix.gate.rewrite ? { ...fix, gate: { ...fix.gate, proposal: { clash, name: fix.name } } } : fix

/** Takes away, and looked before whether there is enough: the statement can look itself. */
function conditional({ hints, write, table, read, kind }: Clash, identify: Identify): Fix | undefined {
  const taken = hints.sets.find(({ how }) => how === 'minus')
  if (kind !== 'check then update' || taken === undefined || hints.into !== table || !read.text.includes(taken.column))
    return undefined
  const { column } = taken
  return {
    name: 'conditional statement',
    title: `Let the statement check: \`… and ${column} >= $n\`, and look at the number of rows.`,
    sql: `update ${table} set ${column} = ${column} - $1 where … and ${column} >= $1`,
    gate: rewriteOf(write.statement, identify, (text) => {
      const changed = addCondition(text, makeRelative(text, column))
      return changed === undefined ? undefined : { text: changed, mustAffect: true }
    }),
  }
}

/** Holds what was read until the write is committed. */
function forUpdate({ hints, sharesTransaction, read, table }: Clash, identify: Identify): Fix | undefined {
  if (!sharesTransaction || !hints.isInTransaction || hints.isOneStatement) return undefined
  if (hints.reads === 'aggregate' || !isPlainSelect(read.text)) return undefined
  return {
    name: 'FOR UPDATE',
    title: `Read the row of ${table} with FOR UPDATE, in the transaction of the write.`,
    sql: `${read.text} for update`,
    gate: {
      ...rewriteOf(read.statement, identify, (text) => ({ text: appendClause(text, 'for update') })),
      retryOn: ['40P01'],
    },
  }
}

/** Without a transaction that both are in: nothing may have been changed since the read. */
function compareAndSet({ hints, write, read, table, columns }: Clash, identify: Identify): Fix | undefined {
  if (hints.writes !== 'update' || hints.into !== table || hints.isOneStatement || hints.reads === 'aggregate')
    return undefined
  const compared = columns.filter((column) => !hints.keys.includes(column))
  if (compared.length === 0) return undefined
  return {
    name: 'compare and set',
    title: `Write only if ${compared.join(', ')} is still what was read, and begin again if no row was changed.`,
    sql: `update ${table} set … where … ${compared.map((column) => `and ${column} is not distinct from $n`).join(' ')}`,
    gate: {
      retryOn,
      rewrite: (statement) => {
        if (identify(statement.text) !== write.statement) return undefined
        const seen = statement.earlier.findLast(({ text }) => identify(text) === read.statement)
        const row = seen?.rows[0]
        if (typeof row !== 'object' || row === null) return undefined
        const values = [...(statement.values ?? [])]
        const conditions = compared.flatMap((column) => {
          const value = readColumn(row as Record<string, unknown>, column)
          return value === undefined ? [] : [compareTo(column, value, values)]
        })
        const text = addCondition(statement.text, conditions.join(' and '))
        return text === undefined || conditions.length === 0 ? undefined : { text, values, mustAffect: true }
      },
    },
  }
}

/** TypeORM names it `order_total`. */
function readColumn(row: Record<string, unknown>, column: string): unknown {
  const name = column in row ? column : Object.keys(row).find((each) => each.endsWith(`_${column}`))
  return name === undefined ? undefined : row[name]
}

function compareTo(column: string, value: unknown, values: unknown[]): string {
  const name = `"${column.replaceAll('"', '""')}"`
  if (value instanceof Date) return `date_trunc('milliseconds', ${name}) = $${values.push(value)}`
  if (typeof value === 'object' && value !== null)
    return `to_jsonb(${name}) = $${values.push(JSON.stringify(value))}::jsonb`
  return `${name}::text is not distinct from $${values.push(value)}::text`
}

function skipLocked({ hints, sharesTransaction, read }: Clash, identify: Identify): Fix | undefined {
  if (!sharesTransaction || hints.reads === 'aggregate') return undefined
  if (!hints.isOneStatement && !hints.isInTransaction) return undefined
  const clause = 'for update skip locked'
  return {
    name: 'SKIP LOCKED',
    title: 'Pick the row with FOR UPDATE SKIP LOCKED.',
    sql: hints.isOneStatement ? `… (select … limit 1 ${clause})` : `${read.text} ${clause}`,
    gate: rewriteOf(read.statement, identify, (text) => ({
      text: hints.isOneStatement
        ? text.replace(/\blimit\s+(\d+|\$\d+)\s*\)/i, `limit $1 ${clause})`)
        : appendClause(text, clause),
    })),
  }
}

function uniqueIndex({ hints, table, columns, kind }: Clash): Fix | undefined {
  const keys = kind === 'number drawn by reading' ? [...new Set([...hints.keys, ...columns])] : hints.keys
  if (hints.writes !== 'insert' || hints.into !== table || keys.length === 0) return undefined
  const over = keys.join(', ')
  const name = 'holdfast_clash_fix'
  return {
    name: 'unique index',
    title: `A unique index over ${table} (${over}), and INSERT … ON CONFLICT, or begin again after 23505.`,
    sql: `create unique index concurrently on ${table} (${over})`,
    gate: {
      ddl: [`create unique index ${name} on ${table} (${over})`],
      undo: [`drop index if exists ${name}`],
      retryOn: ['23505'],
    },
  }
}

function serializable({ hints, sharesTransaction }: Clash): Fix | undefined {
  if (!sharesTransaction || (!hints.isInTransaction && !hints.isOneStatement) || hints.isOtherAlone) return undefined
  return {
    name: 'SERIALIZABLE with retry',
    title: 'Run both requests’ transactions at SERIALIZABLE, and begin again after 40001.',
    sql: `db.tx({ isolation: 'serializable' }, async (tx) => …)`,
    gate: { isolation: 'serializable', retryOn },
  }
}

/** Nothing in the database holds them apart: they take turns. */
function lock({ read, other, hints, table }: Clash): Fix {
  const key = hints.keys.length > 0 ? `${table}:\${${hints.keys.join('}:${')}}` : table
  const routes = read.route === other.route ? read.route : `${read.route} and ${other.route}`
  return {
    name: 'lock',
    title: `Let ${routes} take turns by a key: \`locks.run\` of holdfast/locks, around read and write.`,
    sql: `await locks.run(\`${key}\`, async () => { … })`,
    gate: { excludes: true },
  }
}

const rewriteOf = (
  statement: string,
  identify: Identify,
  change: (text: string) => { text: string; mustAffect?: boolean } | undefined,
): GateFix => ({
  retryOn,
  rewrite: ({ text }) => (identify(text) === statement ? change(text) : undefined),
})
