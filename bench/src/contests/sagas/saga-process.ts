import { connect, type ConnectOptions, type Db } from 'holdfast'
import { createSagas, defineSaga, type SagaDefinition, type Sagas, type WorkOptions } from 'holdfast/sagas'
import type { Stretch } from '../../harness/types.js'
import { POOL } from './settings.js'

export interface Order {
  order: string
}

/** As small as the input of most sagas: what is to be handled, by its id. */
export const order: Order = { order: '0193f2a4-5c1e-7d3b-9a44-1f6c2e8b7d10' }

/** For what was done and is not to be timed. */
export const nothing: Stretch = { operations: 0, seconds: 0, cpuUs: 0 }

/** Three calls to the outside world that do nothing. */
export const callsSaga = defineSaga('bench_calls', { version: 1 }, async (s, input: Order) => {
  await s.call('first', { do: () => {} })
  await s.call('second', { do: () => {} })
  await s.call('third', { do: () => {} })
  return input.order
})

/** Three transactions of one query each. */
export const txsSaga = defineSaga('bench_txs', { version: 1 }, async (s, input: Order) => {
  for (const name of ['first', 'second', 'third'])
    await s.tx(name, { do: async (tx) => void (await tx.query('select $1::text', [input.order])) })
  return input.order
})

export interface SagaProcess {
  db: Db
  sagas: Sagas
  close: () => Promise<void>
}

/** A process that starts and runs these. */
export async function openSagas(
  url: string,
  definitions: readonly SagaDefinition<never, unknown>[],
  work: WorkOptions = {},
  options: ConnectOptions = {},
): Promise<SagaProcess> {
  const db = await connect({ url, pool: { max: POOL }, ...options })
  await db.migrate()
  const sagas = await createSagas(db, { sagas: definitions })
  await sagas.work(work)
  return {
    db,
    sagas,
    close: async () => {
      await sagas.close()
      await db.close()
    },
  }
}

/** From its start to its result, as who started it is told. */
export async function runSaga(sagas: Sagas, saga: SagaDefinition<Order, string>): Promise<void> {
  const { id } = await sagas.start(saga, order)
  await sagas.result(saga, id)
}
