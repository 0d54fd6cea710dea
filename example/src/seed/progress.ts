import type { Db, Tx } from 'holdfast'

export interface SeedRun {
  seed: number
  /** Dates of events are counted from here: the day of the first start, not of this one. */
  anchor: Date
}

/** Starts the seed's record, or finds the one of an earlier start: its seed and dates then stay in force. */
export async function openSeedRun(db: Db, seed: number): Promise<SeedRun> {
  return db.tx(async (tx) => {
    await tx.sql`
      insert into seed_runs (id, seed, anchor) values (1, ${seed}, date_trunc('day', now()))
      on conflict (id) do nothing`
    const [run] = await tx.sql<{ seed: number; anchor: Date }>`select seed, anchor from seed_runs where id = 1`
    if (!run) throw new Error('seed_runs has no row')
    return run
  })
}

/**
 * Runs one batch, once for ever: its record is written in the transaction that writes its rows, so a killed seed
 * leaves both or neither. Of two seeds at once the second waits at the record's key and then skips.
 */
export async function runBatch(db: Db, part: string, batch: number, body: (tx: Tx) => Promise<void>): Promise<boolean> {
  return db.tx(async (tx) => {
    const claimed = await tx.sql`
      insert into seed_batches (part, batch) values (${part}, ${batch}) on conflict do nothing returning batch`
    if (claimed.length === 0) return false
    await body(tx)
    return true
  })
}

/** Which batches of a part are done: a start after the first skips them without a transaction each. */
export async function findDoneBatches(db: Db, part: string): Promise<Set<number>> {
  const rows = await db.sql<{ batch: number }>`select batch from seed_batches where part = ${part}`
  return new Set(rows.map((row) => row.batch))
}
