import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { observeClashes, type Clash } from '../../src/watch/index.js'
import { writeClashes } from '../../src/watch/clash/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { runCli } from '../helpers/run-cli.js'
import { fillShop } from './shop.js'

const app = `${process.execPath} ${fileURLToPath(new URL('fixtures/shop-app.mjs', import.meta.url))}`
let box: TestDatabase
const pairs = new Map<string, Clash>()

const routes = ['POST /naive', 'POST /naive-js', 'POST /late'] as const

beforeAll(async () => {
  box = await openTestDatabase()
  await fillShop(box.ownerUrl)
  const pool = new pg.Pool({ connectionString: box.ownerUrl, max: 1 })
  const watching = await observeClashes(box.db, pg as never)
  // As the application does it, so that the pairs are there; no number is one that the request brings.
  await pool.query('update item set stock = 30')
  for (const route of routes)
    await watching.run(route, { item: 1 }, async () => {
      if (route === 'POST /late') await pool.query('begin')
      const { rows } = await pool.query<{ stock: number }>('select stock from item where id = $1', [1])
      await pool.query('update item set stock = $2 where id = $1', [1, Number(rows[0]?.stock) - 1])
      if (route === 'POST /late') await pool.query('commit')
    })
  await pool.query('update item set stock = 3')
  for (const clash of watching.clashes()) if (clash.read.route === clash.other.route) pairs.set(clash.read.route, clash)
  await watching.stop()
  await pool.end()
  await writeClashes(box.db, [...pairs.values()])
  // Nobody may be connected to what is cloned.
  await box.db.close()
})
afterAll(async () => {
  await box.close()
})

test.each([
  ['POST /naive', ['compare and set']],
  ['POST /naive-js', ['compare and set']],
  ['POST /late', ['FOR UPDATE']],
] as const)(
  '%s of an application that is not changed is replayed again with what would help',
  { timeout: 60_000 },
  async (route, names) => {
    const id = pairs.get(route)?.id ?? ''
    const replay = ['clash', 'replay', id, '--app', app, '--request', `${route} {"item":1}`]
    const { code, stdout, stderr } = await runCli([...replay, '--json'], { DATABASE_URL: box.ownerUrl })
    expect(code, stdout + stderr).toBe(1)
    const { verdict, fixes } = JSON.parse(stdout) as {
      verdict: string
      fixes: { name: string; held: boolean; cost: object }[]
    }
    expect(verdict).toBe('clash')
    expect(
      fixes.map(({ name }) => name),
      stdout,
    ).toEqual(names)
    expect(fixes.at(-1)).toMatchObject({ held: true, cost: { failed: 0 } })
  },
)
