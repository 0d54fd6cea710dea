import { quoteLiteral, quoteName } from './ast.js'
import type { Planner } from './plan-statement.js'
import type { Prover, Trial } from './prover.js'
import type { Asker } from './session.js'
import type { Candidate } from './types.js'
import { writeDefinition } from './write-ddl.js'

/** The planner is told of indexes that are not there: costs are those of the real tables, and nothing is built. */
export async function proveByHypopg(
  ask: Asker,
  schema: string,
  candidates: readonly Candidate[],
  plan: Planner,
): Promise<Prover & { forget(): Promise<void> }> {
  const call = async <Row extends Record<string, unknown>>(verb: string, expression: string) =>
    await ask<Row>(`/* holdfast:watch.${verb} */ select ${expression}`, [])
  const drop = async (oid: number) => void (await call('hypo_drop', `${schema}.hypopg_drop_index(${oid})`))
  const create = async (candidate: Candidate) => {
    const { table } = candidate
    const ddl = `create index on ${quoteName(table.schema)}.${quoteName(table.name)} ${writeDefinition(candidate)}`
    const rows = await call<{ oid: number; name: string }>(
      'hypo_create',
      `indexrelid::int8::float8 as oid, indexname as name from ${schema}.hypopg_create_index(${quoteLiteral(ddl)})`,
    )
    return rows[0] as { oid: number; name: string }
  }
  const held = new Set<number>()
  const attempt = async (wanted: readonly Candidate[]): Promise<Trial> => {
    const names = new Map<string, Candidate>()
    try {
      for (const candidate of wanted) {
        const { oid, name } = await create(candidate)
        held.add(oid)
        names.set(name, candidate)
      }
      const { cost, indexes } = await plan(false)
      return { cost, ms: undefined, used: [...new Set(indexes.flatMap((name) => names.get(name) ?? []))] }
    } finally {
      await clear()
    }
  }
  const clear = async () => {
    for (const oid of held) await drop(oid).catch(() => undefined)
    held.clear()
  }
  const possible: Candidate[] = []
  for (const candidate of candidates) {
    if (candidate.method !== 'btree' || candidate.table.kind === 'partitioned') continue
    await ask('/* holdfast:watch.savepoint */ savepoint holdfast_advice', [])
    const made = await create(candidate).catch(() => undefined)
    if (made) {
      await drop(made.oid)
      possible.push(candidate)
    } else await ask('/* holdfast:watch.undo */ rollback to holdfast_advice', [])
  }
  return {
    by: 'hypopg',
    candidates: possible,
    rejected: [],
    attempt,
    sizeOf: async (candidate) => {
      const { oid } = await create(candidate)
      const [row] = await call<{ size: number }>('hypo_size', `${schema}.hypopg_relation_size(${oid})::float8 as size`)
      await drop(oid)
      return row?.size ?? 0
    },
    sampledShareOf: () => undefined,
    forget: clear,
  }
}
