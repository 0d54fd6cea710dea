import { connect } from 'holdfast'
import { observeClashes, type Clash } from 'holdfast/watch'
import pg from 'pg'
import postgres from 'postgres'
import type { Answer, App, ClashCase } from './corpus.js'
import { makeDatabase } from './database.js'

export interface Observed {
  clashes: readonly Clash[]
  pairs: readonly Clash[]
  statuses: readonly number[]
}

/** Runs the ordinary traffic of a case, one request after the other, and gives what was found in it. */
export async function observeCase(url: string, given: ClashCase): Promise<Observed> {
  const database = await makeDatabase(url, given)
  const db = await connect({ url: database.url, pool: { max: 1 } })
  // It shows which queries are postgres.js's own; nothing is sent by it.
  const sql = postgres(database.url)
  const watching = await observeClashes(db, pg as never, sql as never)
  const app = await given.open(database.url)
  try {
    const statuses: number[] = []
    for (const [route, input] of given.traffic) {
      const { status } = await watching.run(route, input, async () => await answer(app, route, input))
      statuses.push(status)
    }
    return { clashes: watching.clashes(), pairs: watching.pairs(), statuses }
  } finally {
    await app.close()
    await watching.stop()
    await sql.end()
    await db.close()
    await database.drop()
  }
}

async function answer(app: App, route: string, input: Readonly<Record<string, unknown>>): Promise<Answer> {
  try {
    return await app.call(route, input)
  } catch {
    return { status: 500 }
  }
}
