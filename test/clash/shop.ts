import { drizzle } from 'drizzle-orm/node-postgres'
import { sql as raw } from 'drizzle-orm'
import knex from 'knex'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'
import type { ReplayRequest } from '../../src/clash/index.js'
import { runAdmin } from '../helpers/database.js'

export const schema = `
  create table item (id int primary key, stock int not null, note text);
  create table sale (id bigint generated always as identity primary key, item int not null, at timestamptz not null default now());
  create table member (id uuid primary key default gen_random_uuid(), email text not null);
  create table doctor (name text primary key, on_call boolean not null);
  insert into item values (1, 3, 'one'), (2, 3, 'two');
  insert into doctor values ('ada', true), ('bob', true)`

export async function fillShop(url: string): Promise<void> {
  await runAdmin(url, schema)
}

/** What a request does, whatever sends its statements. */
export interface Shop {
  read: (text: string) => Promise<Record<string, unknown>[]>
  /** In a transaction. */
  within(body: (read: Shop['read']) => Promise<void>): Promise<void>
  close(): Promise<void>
}

const openPool = (url: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  return pool
}

export function openPg(url: string): Shop {
  const pool = openPool(url)
  return {
    read: async (text) => (await pool.query<Record<string, unknown>>(text)).rows,
    within: async (body) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await body(async (text) => (await client.query<Record<string, unknown>>(text)).rows)
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    close: async () => await pool.end(),
  }
}

function openKysely(url: string): Shop {
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: openPool(url) }) })
  const readOn = (on: Kysely<object>) => async (text: string) =>
    (await sql<Record<string, unknown>>`${sql.raw(text)}`.execute(on)).rows
  return {
    read: readOn(db),
    within: async (body) => await db.transaction().execute(async (tx) => await body(readOn(tx))),
    close: async () => await db.destroy(),
  }
}

function openDrizzle(url: string): Shop {
  const pool = openPool(url)
  const db = drizzle(pool)
  const readOn = (on: Pick<typeof db, 'execute'>) => async (text: string) => (await on.execute(raw.raw(text))).rows
  return {
    read: readOn(db),
    within: async (body) => await db.transaction(async (tx) => await body(readOn(tx))),
    close: async () => await pool.end(),
  }
}

function openKnex(url: string): Shop {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 4 } })
  const readOn = (on: Pick<typeof db, 'raw'>) => async (text: string) =>
    (await on.raw<{ rows: Record<string, unknown>[] }>(text)).rows
  return {
    read: readOn(db),
    within: async (body) => await db.transaction(async (tx) => await body(readOn(tx))),
    close: async () => await db.destroy(),
  }
}

function openPostgresJs(url: string): Shop {
  const own = postgres(url, { max: 4, onnotice: () => {} })
  const readOn = (on: Pick<typeof own, 'unsafe'>) => async (text: string) => [...(await on.unsafe(text))]
  return {
    read: readOn(own),
    within: async (body) => await own.begin(async (tx) => await body(readOn(tx))),
    close: async () => await own.end({ timeout: 1 }),
  }
}

export const shops = {
  pg: openPg,
  kysely: openKysely,
  drizzle: openDrizzle,
  knex: openKnex,
  'postgres.js': openPostgresJs,
} satisfies Record<string, (url: string) => Shop>

type Body = (shop: Shop) => Promise<number | void>

export const request = (name: string, body: Body): ReplayRequest<Shop> => ({
  name,
  run: async (shop) => ({ status: (await body(shop)) ?? 200 }),
})

const take =
  (item: number, lock = '') =>
  async (read: Shop['read']) => {
    const [row] = await read(`select stock from item where id = ${item} ${lock}`)
    await read(`update item set stock = ${Number(row?.['stock']) - 1} where id = ${item}`)
    await read(`insert into sale (item) values (${item})`)
  }

export const requests = {
  naive: request('POST /naive', async (shop) => await take(1)(shop.read)),
  naiveInTransaction: request('POST /buy', async (shop) => await shop.within(take(1))),
  other: request('POST /other', async (shop) => await shop.within(take(2))),
  locked: request('POST /locked', async (shop) => await shop.within(take(1, 'for update'))),
  relative: request('POST /relative', async (shop) => {
    await shop.read('update item set stock = stock - 1 where id = 1 and stock > 0')
    await shop.read('insert into sale (item) values (1)')
  }),
  join: request('POST /join', async (shop) => {
    const text = "insert into member (email) select 'a@b' where not exists (select from member where email = 'a@b')"
    await shop.read(text)
  }),
  visit: request('POST /visit', async (shop) => {
    const [known] = await shop.read('select name from doctor where name = $$cyd$$')
    if (known) return 200
    const made = await shop.read('insert into doctor values ($$cyd$$, false) on conflict do nothing returning name')
    return made.length > 0 ? 201 : 200
  }),
  leave: request('POST /leave', async (shop) => {
    await shop.within(async (read) => {
      const rows = await read('select name from doctor where on_call')
      if (rows.length > 1) await read(`update doctor set on_call = false where name = '${String(rows[0]?.['name'])}'`)
    })
  }),
  leaveOther: request('POST /leave-other', async (shop) => {
    await shop.within(async (read) => {
      const rows = await read('select name from doctor where on_call')
      if (rows.length > 1) await read(`update doctor set on_call = false where name = '${String(rows[1]?.['name'])}'`)
    })
  }),
}
