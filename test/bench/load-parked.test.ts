import { afterAll, beforeAll, expect, test } from 'vitest'
import { EVENT, loadParked, parkedId, parkedSaga } from '../../bench/src/contests/sagas/load-parked.js'
import { createSagas } from '../../src/sagas/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'

let database: TestDatabase
beforeAll(async () => (database = await openTestDatabase()))
afterAll(async () => await database.close())

test('what the bench parks by SQL is as the product parks it, and wakes', async () => {
  await loadParked(database.ownerUrl, 3)
  const rows = await runAdmin<{ id: string; rest: object; due: string }>(
    database.ownerUrl,
    `select id, to_jsonb(i) - '{id,wake_at,ends_by}'::text[] as rest, wake_at::text as due from holdfast.sagas_instances i`,
  )
  const [own, ...copies] = rows
  expect(copies.map(({ id }) => id).sort()).toEqual([1, 2, 3].map(parkedId))
  for (const { rest } of copies) expect(rest).toEqual(own?.rest)
  expect(own?.rest).toMatchObject({ state: 'waiting', owner: null, doing: [{ kind: 'wait', name: EVENT }] })
  expect(new Set(rows.map(({ due }) => due)).size).toBe(4)

  const sagas = await createSagas(database.db, { sagas: [parkedSaga] })
  await sagas.work()
  await sagas.signal(parkedId(2), EVENT)
  await sagas.result(parkedSaga, parkedId(2))
  expect((await sagas.get(parkedId(1)))?.state).toBe('waiting')
  await sagas.close()
})
