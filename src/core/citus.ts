import { coreError } from './error-table.js'
import { listUnregisteredTables, type Session } from './store.js'

/**
 * Refuses to work beside Citus' distributed tables while ours are unknown to it. An unregistered local table and a
 * distributed one in the same transaction are silently not atomic: of two SERIALIZABLE transactions the loser lost its
 * local row and kept its distributed one (measured). Registered, they commit and roll back together.
 *
 * @throws HF_CITUS_UNREGISTERED with the calls that register them
 */
export async function refuseUnregisteredTables(session: Session): Promise<void> {
  const tables = await listUnregisteredTables(session)
  if (tables.length === 0) return
  const calls = tables.map((table) => `select citus_add_local_table_to_metadata('${table}');`)
  throw coreError(
    'HF_CITUS_UNREGISTERED',
    `This is a Citus coordinator with distributed tables, and ${tables.length} tables of holdfast are not registered with it: ${tables.join(', ')}.`,
    { fix: `Run on the coordinator, as the owner: ${calls.join(' ')}`, details: { tables } },
  )
}
