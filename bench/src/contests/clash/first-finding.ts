import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'holdfast'
import { watch } from 'holdfast/watch'
import type { PeerPart } from '../../harness/peer-contest.js'
import { findMedian, judgeCount, summarize } from '../../harness/statistics.js'

const RUNS = 5
const PER_SECOND = 50
const MOST_MS = 120_000

/** From the start of a service with a lost update, at 50 requests a second over a thousand rows, until it is told. */
export const firstFinding: PeerPart = async ({ databases, input }) => {
  const seconds: number[] = []
  while (seconds.length < (input.quick ? 1 : RUNS)) seconds.push(await timeOne(databases.urlOf('all')))
  return {
    rows: [summarize('watch', 'first_finding', 's', seconds)],
    checks: [judgeCount('first_finding_s', findMedian(seconds), { atMost: 60 })],
  }
}

async function timeOne(url: string): Promise<number> {
  const db = await connect({ url })
  await db.migrate()
  await db.query('drop table if exists clash_stock')
  await db.query('create table clash_stock (id int primary key, remaining int not null)')
  await db.query('insert into clash_stock select n, 1000000 from generate_series(1, 1000) n')
  const startedAt = performance.now()
  const found = { at: 0 }
  const watching = await watch(db, {
    onFinding: ({ kind }) => {
      if (kind === 'clash') found.at ||= performance.now()
    },
  })
  try {
    while (found.at === 0 && performance.now() - startedAt < MOST_MS) {
      void buy(db, 1 + Math.floor(Math.random() * 1_000))
      await sleep(1_000 / PER_SECOND)
    }
    return ((found.at || performance.now()) - startedAt) / 1_000
  } finally {
    await sleep(100)
    await watching.stop()
    await db.close()
  }
}

async function buy(db: Awaited<ReturnType<typeof connect>>, id: number): Promise<void> {
  await db.runRequest({ route: 'POST /buy' }, async () => {
    const [row] = await db.sql<{ remaining: number }>`select remaining from clash_stock where id = ${id}`
    await db.sql`update clash_stock set remaining = ${(row?.remaining ?? 0) - 1} where id = ${id}`
  })
}
