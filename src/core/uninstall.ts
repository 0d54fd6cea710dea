import { coreError } from './error-table.js'
import { dropSchema, tryMigrationLockInTransaction } from './instance-store.js'
import { limitLockWait, MIGRATION_LOCK } from './store.js'
import type { Db } from './types.js'

/** Drops everything of holdfast in this database, data included. Grants and default privileges go with the schema. */
export async function uninstall(db: Db): Promise<void> {
  await db.tx(async (tx) => {
    if (!(await tryMigrationLockInTransaction(tx, MIGRATION_LOCK))) {
      throw coreError('HF_MIGRATE_LOCKED', 'Another process migrates this database now; nothing was dropped.')
    }
    await limitLockWait(tx)
    await dropSchema(tx)
  })
}
