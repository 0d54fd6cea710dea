import { knexCase, type ClashCase } from '../../corpus.js'
import { readSqlState } from './transaction.js'

/** Knex: amounts that are read, decided on and written. */
export const cases: ClashCase[] = [
  knexCase({
    name: 'coupons with a limited number of uses',
    schema: `
      create table coupons (code text primary key, used integer not null default 0, max_uses integer not null,
        active boolean not null default true)`,
    seed: `insert into coupons values ('LAST', 4, 5, true), ('MANY', 0, 100, true), ('GONE', 2, 2, true), ('OFF', 0, 5, false)`,
    routes: {
      apply: async (db, input) => {
        const code = String(input.code).toUpperCase()
        const coupon = await db('coupons').where({ code }).first()
        if (!coupon) return { status: 404 }
        if (!coupon.active || coupon.used >= coupon.max_uses) return { status: 410 }
        await db('coupons').where({ code }).increment('used', 1)
        return { status: 200 }
      },
      redeem: async (db, input) => {
        const code = String(input.code).toUpperCase()
        const coupon = await db('coupons').where({ code }).first()
        if (!coupon) return { status: 404 }
        if (!coupon.active) return { status: 410 }
        const touched = await db('coupons')
          .where({ code, active: true })
          .andWhere('used', '<', db.ref('max_uses'))
          .increment('used', 1)
        return { status: touched === 1 ? 200 : 410 }
      },
    },
    traffic: [
      ['apply', { code: 'many' }],
      ['redeem', { code: 'many' }],
      ['apply', { code: 'gone' }],
      ['redeem', { code: 'gone' }],
      ['apply', { code: 'off' }],
      ['redeem', { code: 'off' }],
      ['apply', { code: 'nope' }],
      ['redeem', { code: 'last' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'check in JavaScript, atomic increment',
        first: ['apply', { code: 'last' }],
        second: ['apply', { code: 'LAST' }],
      },
      {
        label: 'safe',
        kind: 'check in JavaScript and again in the update',
        first: ['redeem', { code: 'last' }],
        second: ['redeem', { code: 'LAST' }],
      },
      {
        label: 'safe',
        kind: 'unguarded, on a coupon that is used up already',
        first: ['apply', { code: 'GONE' }],
        second: ['apply', { code: 'GONE' }],
      },
    ],
  }),

  knexCase({
    name: 'tokens of a player',
    schema: `create table players (id uuid primary key, tokens bigint not null)`,
    seed: `insert into players values ('20000000-0000-4000-8000-000000000001', 100),
      ('20000000-0000-4000-8000-000000000002', 3), ('20000000-0000-4000-8000-000000000003', 9000)`,
    routes: {
      // No transaction: the lock lasts for its own statement.
      buy: async (db, input) => {
        const { player: id, price } = input as { player: string; price: number }
        const player = await db('players').where({ id }).forUpdate().first()
        if (!player) return { status: 404 }
        const left = BigInt(player.tokens) - BigInt(price)
        if (left < 0n) return { status: 402 }
        await db('players').where({ id }).update({ tokens: left.toString() })
        return { status: 200, body: { left: left.toString() } }
      },
      purchase: async (db, input) =>
        await db.transaction(async (trx) => {
          const { player: id, price } = input as { player: string; price: number }
          const player = await trx('players').where({ id }).forUpdate().first()
          if (!player) return { status: 404 }
          const left = BigInt(player.tokens) - BigInt(price)
          if (left < 0n) return { status: 402 }
          await trx('players').where({ id }).update({ tokens: left.toString() })
          return { status: 200, body: { left: left.toString() } }
        }),
      // In a transaction, but the lock is asked of the pool.
      order: async (db, input) =>
        await db.transaction(async (trx) => {
          const { player: id, price } = input as { player: string; price: number }
          const player = await db('players').where({ id }).forUpdate().first()
          if (!player) return { status: 404 }
          if (Number(player.tokens) < price) return { status: 402 }
          await trx('players').where({ id }).decrement('tokens', price)
          return { status: 200 }
        }),
    },
    traffic: [
      ['buy', { player: '20000000-0000-4000-8000-000000000003', price: 10 }],
      ['purchase', { player: '20000000-0000-4000-8000-000000000003', price: 10 }],
      ['order', { player: '20000000-0000-4000-8000-000000000003', price: 10 }],
      ['buy', { player: '20000000-0000-4000-8000-000000000002', price: 10 }],
      ['purchase', { player: '20000000-0000-4000-8000-000000000002', price: 10 }],
      ['order', { player: '20000000-0000-4000-8000-000000000002', price: 10 }],
      ['buy', { player: '20000000-0000-4000-8000-000000000009', price: 10 }],
      ['purchase', { player: '20000000-0000-4000-8000-000000000009', price: 10 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'FOR UPDATE outside of a transaction',
        first: ['buy', { player: '20000000-0000-4000-8000-000000000001', price: 60 }],
        second: ['buy', { player: '20000000-0000-4000-8000-000000000001', price: 30 }],
      },
      {
        label: 'clash',
        kind: 'FOR UPDATE in another session than the write',
        first: ['order', { player: '20000000-0000-4000-8000-000000000001', price: 60 }],
        second: ['order', { player: '20000000-0000-4000-8000-000000000001', price: 70 }],
      },
      {
        label: 'safe',
        kind: 'FOR UPDATE, absolute bigint written as text',
        first: ['purchase', { player: '20000000-0000-4000-8000-000000000001', price: 60 }],
        second: ['purchase', { player: '20000000-0000-4000-8000-000000000001', price: 70 }],
      },
    ],
  }),

  knexCase({
    name: 'transfers between purses',
    schema: `create table purses (owner text primary key, amount numeric(12, 2) not null)`,
    seed: `insert into purses values ('ann', 100.00), ('ben', 50.00), ('cat', 0.00), ('dan', 900.00), ('eva', 1.00)`,
    routes: {
      // Locks the one who pays; the one who is paid was read before.
      pay: async (db, input) =>
        await db.transaction(async (trx) => {
          const { from, to, amount } = input as { from: string; to: string; amount: number }
          const target = await trx('purses').where({ owner: to }).first()
          const source = await trx('purses').where({ owner: from }).forUpdate().first()
          if (!source || !target) return { status: 404 }
          if (Number(source.amount) < amount) return { status: 402 }
          await trx('purses')
            .where({ owner: from })
            .update({ amount: (Number(source.amount) - amount).toFixed(2) })
          await trx('purses')
            .where({ owner: to })
            .update({ amount: (Number(target.amount) + amount).toFixed(2) })
          return { status: 200 }
        }),
      wire: async (db, input) =>
        await db.transaction(async (trx) => {
          const { from, to, amount } = input as { from: string; to: string; amount: number }
          const rows = await trx('purses').whereIn('owner', [from, to]).orderBy('owner').forUpdate()
          const source = rows.find((row) => row.owner === from)
          const target = rows.find((row) => row.owner === to)
          if (!source || !target) return { status: 404 }
          if (Number(source.amount) < amount) return { status: 402 }
          await trx('purses')
            .where({ owner: from })
            .update({ amount: (Number(source.amount) - amount).toFixed(2) })
          await trx('purses')
            .where({ owner: to })
            .update({ amount: (Number(target.amount) + amount).toFixed(2) })
          return { status: 200 }
        }),
      credit: async (db, input) => {
        const updated = await db('purses')
          .where({ owner: input.to })
          .update({ amount: db.raw('round(amount + ?, 2)', [Number(input.amount)]) })
          .returning(['owner', 'amount'])
        return updated.length === 1 ? { status: 200, body: updated[0] } : { status: 404 }
      },
    },
    traffic: [
      ['pay', { from: 'dan', to: 'eva', amount: 10 }],
      ['wire', { from: 'dan', to: 'eva', amount: 10 }],
      ['pay', { from: 'cat', to: 'eva', amount: 10 }],
      ['wire', { from: 'cat', to: 'eva', amount: 10 }],
      ['pay', { from: 'dan', to: 'nil', amount: 10 }],
      ['wire', { from: 'nil', to: 'eva', amount: 10 }],
      ['credit', { to: 'eva', amount: 2.5 }],
      ['credit', { to: 'nil', amount: 2.5 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'receiver read before the lock, two senders',
        first: ['pay', { from: 'ann', to: 'cat', amount: 10 }],
        second: ['pay', { from: 'ben', to: 'cat', amount: 20 }],
      },
      {
        label: 'clash',
        kind: 'receiver written whole over a relative credit',
        first: ['pay', { from: 'ann', to: 'cat', amount: 10 }],
        second: ['credit', { to: 'cat', amount: 5 }],
      },
      {
        label: 'safe',
        kind: 'both rows locked in one order',
        first: ['wire', { from: 'ann', to: 'ben', amount: 100 }],
        second: ['wire', { from: 'ben', to: 'ann', amount: 60 }],
      },
      {
        label: 'safe',
        kind: 'locked read and write against a relative credit',
        first: ['wire', { from: 'ann', to: 'cat', amount: 10 }],
        second: ['credit', { to: 'cat', amount: 5 }],
      },
    ],
  }),

  knexCase({
    name: 'stock that is taken first and given back',
    schema: `
      create table stock (sku text primary key, qty integer not null);
      create table bins (sku text primary key, qty integer not null check (qty >= 0))`,
    seed: `
      insert into stock values ('fan', 1), ('oil', 50), ('rim', 0);
      insert into bins values ('fan', 3), ('oil', 50), ('rim', 0)`,
    routes: {
      take: async (db, input) => {
        const { sku, qty } = input as { sku: string; qty: number }
        const [row] = await db('stock').where({ sku }).decrement('qty', qty).returning('qty')
        if (!row) return { status: 404 }
        if (row.qty >= 0) return { status: 200 }
        await db('stock').where({ sku }).increment('qty', qty)
        return { status: 409 }
      },
      grab: async (db, input) => {
        const { sku, qty } = input as { sku: string; qty: number }
        const bin = await db('bins').where({ sku }).first()
        if (!bin) return { status: 404 }
        if (bin.qty < qty) return { status: 409 }
        try {
          await db('bins').where({ sku }).decrement('qty', qty)
        } catch (error) {
          if (readSqlState(error) === '23514') return { status: 409 }
          throw error
        }
        return { status: 200 }
      },
    },
    traffic: [
      ['take', { sku: 'oil', qty: 5 }],
      ['take', { sku: 'rim', qty: 1 }],
      ['take', { sku: 'hub', qty: 1 }],
      ['grab', { sku: 'oil', qty: 5 }],
      ['grab', { sku: 'rim', qty: 1 }],
      ['grab', { sku: 'hub', qty: 1 }],
      ['take', { sku: 'oil', qty: 45 }],
    ],
    pairs: [
      {
        // Written as a clash: neither order refuses. Whoever is told 409 comes again, so by our rule it is noticed.
        label: 'safe',
        kind: 'what is given back later is missed by a request that could have had it',
        first: ['take', { sku: 'fan', qty: 1 }],
        second: ['take', { sku: 'fan', qty: 2 }],
      },
      {
        label: 'safe',
        kind: 'taken and given back, but the first to ask has it',
        first: ['take', { sku: 'fan', qty: 1 }],
        second: ['take', { sku: 'fan', qty: 1 }],
      },
      {
        label: 'safe',
        kind: 'a check constraint behind the check',
        first: ['grab', { sku: 'fan', qty: 2 }],
        second: ['grab', { sku: 'fan', qty: 2 }],
      },
    ],
  }),
]
