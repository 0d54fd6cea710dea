import { drizzle } from 'drizzle-orm/node-postgres'
import knex from 'knex'
import { Kysely, PostgresDialect, sql as raw } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { observeClashes, type Clash, type ClashWatch, type Driver } from '../../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../../helpers/database.js'

let box: TestDatabase
let pool: pg.Pool
let watching: ClashWatch

beforeAll(async () => {
  box = await openTestDatabase()
  const owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await owner.query(`
    create table product (id int primary key, name text, stock int not null, version int not null default 0, note jsonb);
    create table coupon (id bigint generated always as identity primary key, code text not null, person int not null);
    create table badge (person int, kind text, primary key (person, kind));
    create table task (id int primary key, state text not null, person int);
    create table duty (id int primary key, on_call boolean not null);
    grant all on all tables in schema public to public`)
  await owner.end()
  pool = new pg.Pool({ connectionString: box.url, max: 2 })
})
beforeEach(async () => {
  await pool.query(`truncate product, coupon, badge, task, duty`)
  await pool.query(`insert into product select n, 'thing', 10 from generate_series(1, 5) n`)
  await pool.query(`insert into product values (6, 'gone', 0)`)
  await pool.query(`insert into task select n, 'open', null from generate_series(1, 9) n`)
  await pool.query(`insert into duty values (1, true), (2, true), (3, true)`)
})
afterEach(async () => {
  await watching.stop()
})
afterAll(async () => {
  await pool.end()
  await box.close()
})

const open = async (...drivers: Driver[]) => {
  watching = await observeClashes(box.db, ...(drivers.length > 0 ? drivers : [pg as unknown as Driver]))
}
const tell = (clashes: readonly Clash[]) =>
  clashes.map(({ kind, table, read, other }) => [kind, table, read.route, other.route])
const buy = async (body: (id: number, n: number) => Promise<unknown>) => {
  for (const [id, n] of [
    [1, 2],
    [2, 3],
    [6, 1],
  ] as const)
    await watching.run('POST /buy', { id, n }, async () => await body(id, n))
}
const bought = ['POST /buy', 'POST /buy']

describe('a value that was computed from what was read', () => {
  test('is a lost update, with both lines', async () => {
    await open()
    await buy(async (id, n) => {
      const { rows } = await pool.query<{ stock: number }>('select stock from product where id = $1', [id])
      await pool.query('update product set stock = $1 where id = $2', [Number(rows[0]?.stock) - n, id])
    })
    expect(watching.clashes()).toMatchObject([
      {
        kind: 'lost update',
        table: 'product',
        columns: ['stock'],
        read: {
          text: 'select stock from product where id = $1',
          site: expect.stringMatching(/observe\.test\.ts:\d+$/) as string,
        },
        write: { site: expect.stringMatching(/observe\.test\.ts:\d+$/) as string },
        sharesTransaction: false,
        protectedBy: null,
      },
    ])
    expect(JSON.stringify(watching.pairs())).not.toMatch(/"10"|thing/)
  })

  test('is one through Drizzle, Kysely, Knex and postgres.js', async () => {
    const sql = postgres(box.url, { max: 2 })
    const builder = knex({ client: 'pg', connection: box.url, pool: { min: 0, max: 2 } })
    const orm = drizzle(pool)
    const kysely = new Kysely<Record<string, { id: number; stock: number }>>({ dialect: new PostgresDialect({ pool }) })
    const ways: ((id: number, n: number) => Promise<unknown>)[] = [
      async (id, n) => {
        const found = await orm.execute<{ stock: number }>(`select * from product where id = ${id}`)
        await orm.execute(`update product set stock = ${Number(found.rows[0]?.stock) - n} where id = ${id}`)
      },
      async (id, n) =>
        await kysely.transaction().execute(async (tx) => {
          const { stock } = await tx.selectFrom('product').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
          await tx
            .updateTable('product')
            .set({ stock: stock - n })
            .where('id', '=', id)
            .execute()
        }),
      async (id, n) => {
        const row = (await builder('product').where({ id }).first()) as { stock: number }
        await builder('product')
          .where({ id })
          .update({ stock: row.stock - n })
      },
      async (id, n) => {
        const [row] = await sql<{ stock: number }[]>`select stock from product where id = ${id}`
        await sql`update product set stock = ${Number(row?.stock) - n} where id = ${id}`
      },
    ]
    await open(pg as unknown as Driver, sql as unknown as Driver)
    for (const [at, way] of ways.entries())
      for (const id of [1, 2]) await watching.run(`PUT /${at}`, { id, n: 3 }, async () => await way(id, 3))
    const own = tell(watching.clashes()).filter(([, , one, other]) => one === other)
    expect(own.toSorted()).toEqual(ways.map((_way, at) => ['lost update', 'product', `PUT /${at}`, `PUT /${at}`]))
    await sql.end()
    await builder.destroy()
  })

  test('is none where it was given, or is a clock', async () => {
    await open()
    await buy(async (id, n) => {
      await pool.query('select * from product where id = $1', [id])
      await pool.query('update product set stock = $1, name = $2 where id = $3', [n, new Date().toISOString(), id])
    })
    expect(watching.clashes()).toEqual([])
  })

  test('is guarded by the row’s lock in the same transaction, and by nothing outside of one', async () => {
    await open()
    const change = async (route: string, begin: string, end: string) => {
      const client = await pool.connect()
      for (const id of [1, 2])
        await watching.run(route, { id }, async () => {
          if (begin !== '') await client.query(begin)
          const { rows } = await client.query<{ stock: number }>('select * from product where id = $1 for update', [id])
          await client.query('update product set stock = $1 where id = $2', [Number(rows[0]?.stock) - 1, id])
          if (end !== '') await client.query(end)
        })
      client.release()
    }
    await change('PUT /locked', 'begin', 'commit')
    expect(watching.pairs()).toMatchObject([{ protectedBy: 'the lock of the row that is read' }])
    await change('PUT /bare', '', '')
    expect(tell(watching.clashes())).toContainEqual(['lost update', 'product', 'PUT /bare', 'PUT /bare'])
  })

  test('is guarded by a version that is compared, and not by one that is only counted', async () => {
    await open()
    const change = async (route: string, where: string) =>
      await watching.run(route, { id: 1 }, async () => {
        const { rows } = await pool.query<{ stock: number; version: number }>('select * from product where id = 1')
        const { stock = 0, version = 0 } = rows[0] ?? {}
        const set = `update product set stock = $1, version = $2 where id = 1 ${where}`
        await pool.query(set, [stock - 1, version + 1, ...(where === '' ? [] : [version])])
      })
    await change('PUT /compared', 'and version = $3')
    expect(watching.clashes()).toEqual([])
    await change('PUT /counted', '')
    expect(tell(watching.clashes())).toContainEqual(['lost update', 'product', 'PUT /counted', 'PUT /counted'])
  })
})

describe('a decision', () => {
  test('shows when requests have gone both ways', async () => {
    await open()
    const decide = async (id: number, n: number) => {
      const { rows } = await pool.query<{ stock: number }>('select stock from product where id = $1', [id])
      if (Number(rows[0]?.stock) < n) return { status: 409 }
      await pool.query('update product set stock = stock - $1 where id = $2', [n, id])
      return { status: 200 }
    }
    await watching.run('POST /buy', { id: 1, n: 1 }, async () => await decide(1, 1))
    expect(watching.clashes()).toEqual([])
    await buy(decide)
    expect(tell(watching.clashes())).toEqual([['check then update', 'product', ...bought]])
  })

  test('that the statement takes again is none', async () => {
    await open()
    await buy(async (id, n) => {
      const { rows } = await pool.query<{ stock: number }>('select stock from product where id = $1', [id])
      if (Number(rows[0]?.stock) < n) return
      await pool.query('update product set stock = stock - $1 where id = $2 and stock >= $1', [n, id])
    })
    expect(watching.clashes()).toEqual([])
  })
})

test('a row that was not there, and is inserted: unless a unique index covers what was asked', async () => {
  await open()
  const make = async (route: string, look: string, insert: string) => {
    for (const person of [1, 2, 1])
      await watching.run(route, { person }, async () => {
        const { rows } = await pool.query(look, [person, 'a'])
        if (rows.length === 0) await pool.query(insert, [person, 'a'])
      })
  }
  await make(
    'POST /coupons',
    'select 1 from coupon where person = $1 and code = $2',
    'insert into coupon (person, code) values ($1, $2)',
  )
  await make('POST /badges', 'select 1 from badge where person = $1 and kind = $2', 'insert into badge values ($1, $2)')
  expect(tell(watching.clashes())).toEqual([['check then insert', 'coupon', 'POST /coupons', 'POST /coupons']])
  expect(watching.pairs().find(({ table }) => table === 'badge')?.protectedBy).toMatch(/unique index/)
})

test('a queue without SKIP LOCKED, and one with it', async () => {
  await open()
  for (const [route, lock] of [
    ['POST /take', ''],
    ['POST /claim', 'for update skip locked'],
  ] as const)
    for (const _ of [1, 2])
      await watching.run(route, {}, async () => {
        const client = await pool.connect()
        await client.query('begin')
        const { rows } = await client.query<{ id: number }>(
          `select id from task where state = 'open' order by id limit 1 ${lock}`,
        )
        await client.query(`update task set state = 'taken' where id = $1`, [rows[0]?.id])
        await client.query('commit')
        client.release()
      })
  const clashes = tell(watching.clashes())
  expect(clashes).toContainEqual(['queue', 'task', 'POST /take', 'POST /take'])
  expect(clashes).not.toContainEqual(['queue', 'task', 'POST /claim', 'POST /claim'])
})

/** One transaction of one connection. */
const inTransaction = async (begin: string, body: (client: pg.PoolClient) => Promise<unknown>) => {
  const client = await pool.connect()
  await client.query(begin)
  await body(client)
  await client.query('commit')
  client.release()
}

test('a limit is guarded by the lock of whose it is, where what is written names them; by another lock it is not', async () => {
  await pool.query(`insert into product select n, 'thing', 10 from generate_series(11, 12) n`)
  await open()
  const look = 'select count(*)::int as n from task where person = $1'
  const take = async (route: string, lock: (person: number, task: number) => number) => {
    for (const [person, id] of [
      [11, 1],
      [11, 2],
      [12, 3],
      [12, 4],
      [11, 5],
    ] as const)
      await watching.run(route, { person, id }, async () => {
        await inTransaction('begin', async (client) => {
          await client.query('select id from product where id = $1 for update', [lock(person, id)])
          const { rows } = await client.query<{ n: number }>(look, [person])
          if (Number(rows[0]?.n) < 2) await client.query('update task set person = $1 where id = $2', [person, id])
        })
      })
    await pool.query('update task set person = null')
  }
  await take('POST /own', (person) => person)
  await take('POST /other', (_person, task) => task)
  const clashes = tell(watching.clashes())
  expect(clashes).not.toContainEqual(['write skew', 'task', 'POST /own', 'POST /own'])
  expect(clashes).toContainEqual(['write skew', 'task', 'POST /other', 'POST /other'])
})

test('what is inserted because of a row, at REPEATABLE READ: right where that row is written too, and not another', async () => {
  await open()
  const order = async (route: string, choose: (id: number) => number) => {
    for (const id of [1, 2, 6])
      await watching.run(route, { id }, async () => {
        await inTransaction('begin isolation level repeatable read', async (client) => {
          const { rows } = await client.query<{ stock: number }>('select stock from product where id = $1', [id])
          const stock = rows[0]?.stock ?? 0
          if (stock < 1) return
          await client.query('update product set stock = $1 where id = $2', [stock - 1, choose(id)])
          await client.query('insert into coupon (code, person) values ($1, $2)', ['sold', id])
        })
      })
  }
  await order('POST /own', (id) => id)
  await order('POST /next', (id) => id + 2)
  const clashes = tell(watching.clashes())
  expect(clashes).not.toContainEqual(['write skew', 'product', 'POST /own', 'POST /own'])
  expect(clashes).toContainEqual(['write skew', 'product', 'POST /next', 'POST /next'])
})

test('write skew: at REPEATABLE READ too, at SERIALIZABLE not', async () => {
  const kysely = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
  await open()
  for (const isolation of ['repeatable read', 'serializable'] as const) {
    for (const id of [1, 2, 3])
      await watching.run(
        `POST /${isolation}`,
        { id },
        async () =>
          await kysely
            .transaction()
            .setIsolationLevel(isolation)
            .execute(async (tx) => {
              const { rows } = await raw<{ n: number }>`select count(*)::int as n from duty where on_call`.execute(tx)
              if (Number(rows[0]?.n) < 2) return
              await raw`update duty set on_call = false where id = ${id}`.execute(tx)
            }),
      )
    await pool.query('update duty set on_call = true')
  }
  const clashes = tell(watching.clashes())
  expect(clashes).toContainEqual(['write skew', 'duty', 'POST /repeatable read', 'POST /repeatable read'])
  expect(clashes).not.toContainEqual(['write skew', 'duty', 'POST /serializable', 'POST /serializable'])
})
