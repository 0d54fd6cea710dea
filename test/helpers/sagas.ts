import { connectTo, type Db, type Logger, type Tx } from '../../src/core/index.js'
import { createSagas, type SagaDefinition, type Sagas, type WorkOptions } from '../../src/sagas/index.js'
import { openTestDatabase, type TestDatabase } from './database.js'
import { quietLogger } from './jobs.js'

export interface SagaBox extends TestDatabase {
  /** As a process has it; `false` runs none. */
  openSagas(
    sagas: readonly SagaDefinition<never, unknown>[],
    work?: WorkOptions | false,
  ): Promise<{ sagas: Sagas; db: Db }>
  /** After each test: ends what it opened. */
  closeSagas(): Promise<void>
  /** In the order of their commits. */
  effects(saga: string): Promise<string[]>
}

/** A database with a table that steps write to. */
export async function openSagaBox(logger: Logger = quietLogger): Promise<SagaBox> {
  const box = await openTestDatabase()
  const opened: { close(): Promise<void> }[] = []
  await box.db.query('create table effects (n int generated always as identity, saga text, what text)')
  return {
    ...box,
    openSagas: async (definitions, work = {}) => {
      const db = await connectTo({ url: box.url, heartbeatMs: 600_000, logger })
      const sagas = await createSagas(db, { sagas: definitions, logger })
      opened.push(db, sagas)
      if (work) await sagas.work({ pollMs: 50, ...work })
      return { sagas, db }
    },
    closeSagas: async () => {
      for (const each of opened.splice(0).reverse()) await each.close()
    },
    effects: async (saga) => {
      const text = 'select what from effects where saga = $1 order by n'
      return (await box.db.query<{ what: string }>(text, [saga])).rows.map(({ what }) => what)
    },
  }
}

export async function note(tx: Tx, saga: string, what: string): Promise<void> {
  await tx.query('insert into effects (saga, what) values ($1, $2)', [saga, what])
}
