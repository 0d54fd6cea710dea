import type { Generated } from 'kysely'
import { kyselyCase, pgCase, type ClashCase } from '../../corpus.js'
import { inTransaction } from './transaction.js'

interface Balances {
  purses: { id: number; coins: number; version: Generated<number> }
}

const versionRetry = kyselyCase<Balances>({
  name: 'purse: version compared by the update, with retry',
  schema: 'create table purses (id int primary key, coins int not null, version int not null default 1)',
  seed: 'insert into purses (id, coins) values (1, 100), (2, 5), (3, 900)',
  routes: {
    'POST /purses/:id/spend': async (db, input) => {
      const { id, coins } = input as { id: number; coins: number }
      for (let attempt = 0; attempt < 5; attempt++) {
        const purse = await db.selectFrom('purses').selectAll().where('id', '=', id).executeTakeFirst()
        if (!purse) return { status: 404 }
        if (purse.coins < coins) return { status: 402 }
        const { numUpdatedRows } = await db
          .updateTable('purses')
          .set({ coins: purse.coins - coins, version: purse.version + 1 })
          .where('id', '=', id)
          .where('version', '=', purse.version)
          .executeTakeFirst()
        if (numUpdatedRows === 1n) return { status: 200 }
      }
      throw new Error('too many attempts')
    },
  },
  traffic: [
    ['POST /purses/:id/spend', { id: 1, coins: 13 }],
    ['POST /purses/:id/spend', { id: 2, coins: 8 }],
    ['POST /purses/:id/spend', { id: 3, coins: 120 }],
    ['POST /purses/:id/spend', { id: 6, coins: 8 }],
    ['POST /purses/:id/spend', { id: 1, coins: 22 }],
    ['POST /purses/:id/spend', { id: 2, coins: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'version compared, with retry',
      first: ['POST /purses/:id/spend', { id: 3, coins: 210 }],
      second: ['POST /purses/:id/spend', { id: 3, coins: 55 }],
    },
  ],
})

interface Auctions {
  auctions: { id: string; highest: number; bidder: string | null }
}

const valueRetry = kyselyCase<Auctions>({
  name: 'auction: the old bid is in the WHERE of the update',
  schema: 'create table auctions (id text primary key, highest int not null, bidder text)',
  seed: `insert into auctions values ('vase', 100, 'ann'), ('rug', 20, null), ('clock', 50, null)`,
  routes: {
    'POST /auctions/:id/raise': async (db, input) => {
      const { id, bidder, by } = input as { id: string; bidder: string; by: number }
      let attempts = 5
      while (attempts-- > 0) {
        const auction = await db.selectFrom('auctions').selectAll().where('id', '=', id).executeTakeFirst()
        if (!auction) return { status: 404 }
        if (auction.bidder === bidder) return { status: 409, body: { error: 'yours is the highest bid' } }
        const raised = await db
          .updateTable('auctions')
          .set({ highest: auction.highest + by, bidder })
          .where('id', '=', id)
          .where('highest', '=', auction.highest)
          .returning('highest')
          .executeTakeFirst()
        if (raised) return { status: 200, body: raised }
      }
      throw new Error('too many bids')
    },
  },
  traffic: [
    ['POST /auctions/:id/raise', { id: 'vase', bidder: 'bob', by: 10 }],
    ['POST /auctions/:id/raise', { id: 'vase', bidder: 'bob', by: 10 }],
    ['POST /auctions/:id/raise', { id: 'rug', bidder: 'cat', by: 5 }],
    ['POST /auctions/:id/raise', { id: 'door', bidder: 'cat', by: 5 }],
    ['POST /auctions/:id/raise', { id: 'vase', bidder: 'ann', by: 25 }],
    ['POST /auctions/:id/raise', { id: 'rug', bidder: 'dan', by: 6 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'value compared by the update, with retry',
      first: ['POST /auctions/:id/raise', { id: 'clock', bidder: 'eve', by: 7 }],
      second: ['POST /auctions/:id/raise', { id: 'clock', bidder: 'fay', by: 12 }],
    },
  ],
})

/** Stands for the payment provider. */
async function charge(card: string): Promise<boolean> {
  return await Promise.resolve(card !== 'declined')
}

const reserveFirst = pgCase({
  name: 'cinema: the seat is reserved, then paid, then sold or released',
  schema: `create table cinema_seats (id text primary key, state text not null default 'free', card text)`,
  seed: `insert into cinema_seats (id, state) values ('a1', 'free'), ('a2', 'sold'), ('a3', 'free'), ('a4', 'free')`,
  routes: {
    'POST /cinema-seats/:id/buy': async (pool, input) => {
      const { id, card } = input as { id: string; card: string }
      const { rows } = await pool.query<{ state: string }>('select state from cinema_seats where id = $1', [id])
      if (!rows[0]) return { status: 404 }
      if (rows[0].state !== 'free') return { status: 409 }
      const reserved = await pool.query(
        `update cinema_seats set state = 'reserved', card = $2 where id = $1 and state = 'free'`,
        [id, card],
      )
      if (!reserved.rowCount) return { status: 409 }
      if (!(await charge(card))) {
        await pool.query(`update cinema_seats set state = 'free', card = null where id = $1 and card = $2`, [id, card])
        return { status: 402 }
      }
      await inTransaction(pool, async (client) => {
        await client.query(`update cinema_seats set state = 'sold' where id = $1 and card = $2`, [id, card])
      })
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /cinema-seats/:id/buy', { id: 'a1', card: 'declined' }],
    ['POST /cinema-seats/:id/buy', { id: 'a1', card: 'c1' }],
    ['POST /cinema-seats/:id/buy', { id: 'a2', card: 'c2' }],
    ['POST /cinema-seats/:id/buy', { id: 'z1', card: 'c2' }],
    ['POST /cinema-seats/:id/buy', { id: 'a3', card: 'c3' }],
    ['POST /cinema-seats/:id/buy', { id: 'a3', card: 'c4' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'reserved before the external call',
      first: ['POST /cinema-seats/:id/buy', { id: 'a4', card: 'c8' }],
      second: ['POST /cinema-seats/:id/buy', { id: 'a4', card: 'c9' }],
    },
  ],
})

const counts = new WeakMap<object, Map<string, number>>()

/** Hits since the start, as a program keeps them that is sure to be the only one. */
function countUp(owner: object, page: string): number {
  const mine = counts.get(owner) ?? new Map<string, number>()
  counts.set(owner, mine)
  const next = (mine.get(page) ?? 0) + 1
  mine.set(page, next)
  return next
}

const programCounter = pgCase({
  name: 'downloads: counted in the program, the count is written',
  schema: 'create table downloads (file text primary key, hits int not null default 0)',
  seed: `insert into downloads (file) values ('a.zip'), ('b.zip'), ('c.zip')`,
  routes: {
    'GET /downloads/:file': async (pool, input) => {
      const { file } = input as { file: string }
      const hits = countUp(pool, file)
      const { rowCount } = await pool.query('update downloads set hits = $2 where file = $1', [file, hits])
      return { status: rowCount ? 200 : 404 }
    },
  },
  traffic: [
    ['GET /downloads/:file', { file: 'a.zip' }],
    ['GET /downloads/:file', { file: 'a.zip' }],
    ['GET /downloads/:file', { file: 'a.zip' }],
    ['GET /downloads/:file', { file: 'b.zip' }],
    ['GET /downloads/:file', { file: 'b.zip' }],
    ['GET /downloads/:file', { file: 'b.zip' }],
    ['GET /downloads/:file', { file: 'z.zip' }],
    ['GET /downloads/:file', { file: 'a.zip' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'counter of the program',
      first: ['GET /downloads/:file', { file: 'c.zip' }],
      second: ['GET /downloads/:file', { file: 'c.zip' }],
      hidden: 'the count is in the process, and stays when the tables are put back',
    },
  ],
})

export const cases: ClashCase[] = [versionRetry, valueRetry, reserveFirst, programCounter]
