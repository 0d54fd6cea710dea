import { expect } from 'vitest'
import { inspectWatch } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'

export async function openThings(): Promise<TestDatabase> {
  const box = await openTestDatabase()
  await box.db.query('create table thing (id int primary key, name text)')
  await box.db.query(`insert into thing select n, 'thing ' || n from generate_series(1, 20) n`)
  return box
}

export async function forgetSeen({ db }: TestDatabase): Promise<void> {
  await db.query('delete from holdfast.watch_series')
  await db.query('delete from holdfast.watch_statements')
}

type Seen = Record<string, number | number[]>

/** `route`: requests and errors; `route | statement`: calls. */
export async function readSeen({ db }: TestDatabase): Promise<Seen> {
  const inspect = inspectWatch(db)
  const [routes, statements] = [await inspect.routes(), await inspect.statements()]
  return Object.fromEntries([
    ...routes.map(({ route, requests, errors }) => [route, errors > 0 ? [requests, errors] : requests] as const),
    ...statements.map(({ route, text, calls }) => [`${route} | ${text}`, calls] as const),
  ])
}

export async function expectSeen(box: TestDatabase, expected: Seen): Promise<void> {
  await eventually(async () => expect(await readSeen(box)).toEqual(expected), { withinMs: 15_000 })
}
