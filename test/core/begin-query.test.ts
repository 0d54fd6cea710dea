import pg from 'pg'
import { expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { openTestDatabase } from '../helpers/database.js'

/** What a tracer does that adds a comment to the text of a copy; the copy knows no BEGIN. */
class CopyingClient extends pg.Client {
  override query(...args: never[]): never {
    const [given, ...rest] = args as unknown[]
    const copy = typeof given === 'object' && given !== null ? { ...given } : given
    const query = super.query.bind(this) as unknown as (...args: unknown[]) => never
    return query(copy, ...rest)
  }
}

test('a BEGIN that something replaced is noticed, and nothing follows it', async () => {
  const box = await openTestDatabase({ migrated: false })
  const pool = new pg.Pool({ connectionString: box.url, Client: CopyingClient })
  const db = await connectTo({ pool, url: box.url })
  const seen: string[] = []
  const strayed = db.tx(async (tx) => {
    await tx.query('select $1::int', [1])
    seen.push('went on')
  })
  await expect(strayed).rejects.toMatchObject({ code: 'HF_TX_OUTCOME_UNKNOWN' })
  expect(seen).toEqual([])
  await db.close()
  await pool.end()
  await box.close()
})
