import { type Generated, type Kysely, sql } from 'kysely'
import { type ClashCase, kyselyCase } from '../../corpus.js'

interface LoyaltyTables {
  customers: { id: string; email: string }
  points: { id: Generated<string>; customer_id: string; amount: number; reason: string }
}

async function sumPoints(db: Kysely<LoyaltyTables>, customerId: string): Promise<number> {
  const { total } = await db
    .selectFrom('points')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<string>('amount'), sql.lit(0)).as('total'))
    .where('customer_id', '=', customerId)
    .executeTakeFirstOrThrow()
  return Number(total)
}

const loyalty = kyselyCase<LoyaltyTables>({
  name: 'idioms kysely loyalty points',
  schema: `
    create table customers (id uuid primary key, email text not null);
    create table points (
      id bigserial primary key,
      customer_id uuid not null references customers,
      amount int not null,
      reason text not null
    )`,
  seed: `
    insert into customers values
      ('c0000000-0000-4000-8000-000000000001', 'ada@example.com'),
      ('c0000000-0000-4000-8000-000000000002', 'bob@example.com'),
      ('c0000000-0000-4000-8000-000000000003', 'cyd@example.com');
    insert into points (customer_id, amount, reason) values
      ('c0000000-0000-4000-8000-000000000001', 70, 'order'), ('c0000000-0000-4000-8000-000000000001', 50, 'order'),
      ('c0000000-0000-4000-8000-000000000002', 10, 'signup'), ('c0000000-0000-4000-8000-000000000003', 900, 'order')`,
  routes: {
    'POST /rewards': async (db, input) => {
      const { customerId, reward, cost } = input as { customerId: string; reward: string; cost: number }
      const customer = await db
        .selectFrom('customers')
        .selectAll()
        .where('id', '=', customerId)
        .forUpdate()
        .executeTakeFirst()
      if (!customer) return { status: 404 }
      if ((await sumPoints(db, customerId)) < cost) return { status: 402 }
      await db.insertInto('points').values({ customer_id: customerId, amount: -cost, reason: reward }).execute()
      return { status: 201 }
    },
    'POST /v2/rewards': async (db, input) => {
      const { customerId, reward, cost } = input as { customerId: string; reward: string; cost: number }
      return await db.transaction().execute(async (trx) => {
        const customer = await trx
          .selectFrom('customers')
          .select('id')
          .where('id', '=', customerId)
          .forUpdate()
          .executeTakeFirst()
        if (!customer) return { status: 404 }
        if ((await sumPoints(trx, customerId)) < cost) return { status: 402 }
        await trx.insertInto('points').values({ customer_id: customerId, amount: -cost, reason: reward }).execute()
        return { status: 201 }
      })
    },
    'POST /points': async (db, input) => {
      const { customerId, amount } = input as { customerId: string; amount: number }
      const customer = await db.selectFrom('customers').select('email').where('id', '=', customerId).executeTakeFirst()
      if (!customer) return { status: 404 }
      await db.insertInto('points').values({ customer_id: customerId, amount, reason: 'order' }).execute()
      return { status: 201, body: { total: await sumPoints(db, customerId) } }
    },
  },
  traffic: [
    ['POST /rewards', { customerId: 'c0000000-0000-4000-8000-000000000003', reward: 'mug', cost: 100 }],
    ['POST /rewards', { customerId: 'c0000000-0000-4000-8000-000000000002', reward: 'mug', cost: 100 }],
    ['POST /rewards', { customerId: 'c0000000-0000-4000-8000-00000000000f', reward: 'mug', cost: 100 }],
    ['POST /points', { customerId: 'c0000000-0000-4000-8000-000000000002', amount: 25 }],
    ['POST /points', { customerId: 'c0000000-0000-4000-8000-000000000003', amount: 5 }],
    ['POST /points', { customerId: 'c0000000-0000-4000-8000-00000000000f', amount: 5 }],
    ['POST /v2/rewards', { customerId: 'c0000000-0000-4000-8000-000000000003', reward: 'cap', cost: 200 }],
    ['POST /v2/rewards', { customerId: 'c0000000-0000-4000-8000-000000000002', reward: 'cap', cost: 200 }],
    ['POST /v2/rewards', { customerId: 'c0000000-0000-4000-8000-00000000000e', reward: 'cap', cost: 1 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'FOR UPDATE outside of a transaction',
      first: ['POST /rewards', { customerId: 'c0000000-0000-4000-8000-000000000001', reward: 'mug', cost: 100 }],
      second: ['POST /rewards', { customerId: 'c0000000-0000-4000-8000-000000000001', reward: 'cap', cost: 90 }],
    },
    {
      label: 'safe',
      kind: 'parent row locked before the sum',
      first: ['POST /v2/rewards', { customerId: 'c0000000-0000-4000-8000-000000000001', reward: 'mug', cost: 100 }],
      second: ['POST /v2/rewards', { customerId: 'c0000000-0000-4000-8000-000000000001', reward: 'cap', cost: 90 }],
    },
    {
      label: 'safe',
      kind: 'ledger entries, the sum only for display',
      first: ['POST /points', { customerId: 'c0000000-0000-4000-8000-000000000001', amount: 5 }],
      second: ['POST /points', { customerId: 'c0000000-0000-4000-8000-000000000001', amount: 6 }],
    },
  ],
})

interface AuctionTables {
  auctions: { id: number; item: string; price: number; leader: string | null; open: boolean; winner: string | null }
  bids: { id: Generated<number>; auction_id: number; bidder: string; amount: number }
}

const auctions = kyselyCase<AuctionTables>({
  name: 'idioms kysely auctions',
  schema: `
    create table auctions (
      id int primary key, item text not null, price int not null, leader text, open boolean not null default true, winner text
    );
    create table bids (
      id serial primary key, auction_id int not null references auctions, bidder text not null, amount int not null
    )`,
  seed: `
    insert into auctions values
      (1, 'clock', 100, null, true), (2, 'lamp', 20, 'ada', true), (3, 'vase', 70, 'bob', false)`,
  routes: {
    'POST /auctions/:id/bids': async (db, input) => {
      const { id, bidder, amount } = input as { id: number; bidder: string; amount: number }
      return await db.transaction().execute(async (trx) => {
        const auction = await trx.selectFrom('auctions').selectAll().where('id', '=', id).executeTakeFirst()
        if (!auction?.open) return { status: 404 }
        if (amount <= auction.price) return { status: 422, body: { price: auction.price } }
        await trx.insertInto('bids').values({ auction_id: id, bidder, amount }).execute()
        await trx.updateTable('auctions').set({ price: amount, leader: bidder }).where('id', '=', id).execute()
        return { status: 201 }
      })
    },
    'POST /v2/auctions/:id/bids': async (db, input) => {
      const { id, bidder, amount } = input as { id: number; bidder: string; amount: number }
      return await db.transaction().execute(async (trx) => {
        const raised = await trx
          .updateTable('auctions')
          .set({ price: amount, leader: bidder })
          .where('id', '=', id)
          .where('open', '=', true)
          .where('price', '<', amount)
          .returning('id')
          .executeTakeFirst()
        if (!raised) return { status: 422 }
        await trx.insertInto('bids').values({ auction_id: id, bidder, amount }).execute()
        return { status: 201 }
      })
    },
    'POST /auctions/:id/close': async (db, input) => {
      const closed = await db
        .updateTable('auctions')
        .set((eb) => ({ open: false, winner: eb.ref('leader') }))
        .where('id', '=', input.id as number)
        .returning('winner')
        .executeTakeFirst()
      return closed ? { status: 200, body: closed } : { status: 404 }
    },
  },
  traffic: [
    ['POST /auctions/:id/bids', { id: 2, bidder: 'cyd', amount: 25 }],
    ['POST /auctions/:id/bids', { id: 2, bidder: 'dan', amount: 22 }],
    ['POST /auctions/:id/bids', { id: 3, bidder: 'dan', amount: 100 }],
    ['POST /auctions/:id/bids', { id: 1, bidder: 'dan', amount: 105 }],
    ['POST /v2/auctions/:id/bids', { id: 2, bidder: 'ada', amount: 30 }],
    ['POST /v2/auctions/:id/bids', { id: 2, bidder: 'eve', amount: 30 }],
    ['POST /v2/auctions/:id/bids', { id: 1, bidder: 'eve', amount: 106 }],
    ['POST /auctions/:id/close', { id: 2 }],
    ['POST /auctions/:id/close', { id: 20 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'a lower bid overwrites a higher one',
      first: ['POST /auctions/:id/bids', { id: 1, bidder: 'ada', amount: 120 }],
      second: ['POST /auctions/:id/bids', { id: 1, bidder: 'bob', amount: 110 }],
    },
    {
      label: 'clash',
      kind: 'a bid on what was closed meanwhile',
      first: ['POST /auctions/:id/bids', { id: 1, bidder: 'ada', amount: 120 }],
      second: ['POST /auctions/:id/close', { id: 1 }],
    },
    {
      label: 'safe',
      kind: 'conditional update first',
      first: ['POST /v2/auctions/:id/bids', { id: 1, bidder: 'ada', amount: 120 }],
      second: ['POST /v2/auctions/:id/bids', { id: 1, bidder: 'bob', amount: 110 }],
    },
    {
      label: 'safe',
      kind: 'conditional update against the closing',
      first: ['POST /v2/auctions/:id/bids', { id: 1, bidder: 'ada', amount: 120 }],
      second: ['POST /auctions/:id/close', { id: 1 }],
    },
  ],
})

interface SubscriptionTables {
  accounts: { id: string; plan: string; trial_used: Generated<boolean> }
  subscriptions: { id: Generated<number>; account_id: string; plan: string; trial: boolean }
}

const trials = kyselyCase<SubscriptionTables>({
  name: 'idioms kysely subscription trials',
  schema: `
    create table accounts (id text primary key, plan text not null default 'free', trial_used boolean not null default false);
    create table subscriptions (
      id serial primary key, account_id text not null references accounts, plan text not null, trial boolean not null
    )`,
  seed: `
    insert into accounts values
      ('acc_a', 'free', false), ('acc_b', 'pro', true), ('acc_c', 'free', false), ('acc_d', 'free', false)`,
  routes: {
    'POST /accounts/:id/trial': async (db, input) => {
      const { id, plan } = input as { id: string; plan: string }
      const account = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
      if (!account) return { status: 404 }
      if (account.trial_used) return { status: 409 }
      await db.updateTable('accounts').set({ plan, trial_used: true }).where('id', '=', id).execute()
      await db.insertInto('subscriptions').values({ account_id: id, plan, trial: true }).execute()
      return { status: 201 }
    },
    'POST /v2/accounts/:id/trial': async (db, input) => {
      const { id, plan } = input as { id: string; plan: string }
      return await db.transaction().execute(async (trx) => {
        const started = await trx
          .updateTable('accounts')
          .set({ plan, trial_used: true })
          .where('id', '=', id)
          .where('trial_used', '=', false)
          .executeTakeFirst()
        if (started.numUpdatedRows === 0n) return { status: 409 }
        await trx.insertInto('subscriptions').values({ account_id: id, plan, trial: true }).execute()
        return { status: 201 }
      })
    },
    'PUT /accounts/:id/plan': async (db, input) => {
      const { id, plan } = input as { id: string; plan: string }
      const account = await db.selectFrom('accounts').select('plan').where('id', '=', id).executeTakeFirst()
      if (!account) return { status: 404 }
      await db.updateTable('accounts').set({ plan }).where('id', '=', id).execute()
      return { status: 200, body: { from: account.plan, to: plan } }
    },
  },
  traffic: [
    ['POST /accounts/:id/trial', { id: 'acc_c', plan: 'pro' }],
    ['POST /accounts/:id/trial', { id: 'acc_b', plan: 'pro' }],
    ['POST /accounts/:id/trial', { id: 'acc_x', plan: 'pro' }],
    ['POST /v2/accounts/:id/trial', { id: 'acc_d', plan: 'team' }],
    ['POST /v2/accounts/:id/trial', { id: 'acc_c', plan: 'team' }],
    ['PUT /accounts/:id/plan', { id: 'acc_b', plan: 'team' }],
    ['PUT /accounts/:id/plan', { id: 'acc_d', plan: 'free' }],
    ['PUT /accounts/:id/plan', { id: 'acc_x', plan: 'free' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'flag checked in JavaScript',
      first: ['POST /accounts/:id/trial', { id: 'acc_a', plan: 'pro' }],
      second: ['POST /accounts/:id/trial', { id: 'acc_a', plan: 'team' }],
    },
    {
      label: 'safe',
      kind: 'flag compared in the update',
      first: ['POST /v2/accounts/:id/trial', { id: 'acc_a', plan: 'pro' }],
      second: ['POST /v2/accounts/:id/trial', { id: 'acc_a', plan: 'team' }],
    },
    {
      label: 'safe',
      kind: 'overwrite with the input, the old value only for display',
      first: ['PUT /accounts/:id/plan', { id: 'acc_b', plan: 'team' }],
      second: ['PUT /accounts/:id/plan', { id: 'acc_b', plan: 'free' }],
    },
  ],
})

interface WarehouseTables {
  stocks: { warehouse_id: number; sku: string; quantity: number }
  movements: { id: Generated<number>; sku: string; from_id: number; to_id: number; quantity: number }
}

const warehouse = kyselyCase<WarehouseTables>({
  name: 'idioms kysely warehouse transfers',
  schema: `
    create table stocks (
      warehouse_id int not null, sku text not null, quantity int not null, primary key (warehouse_id, sku)
    );
    create table movements (
      id serial primary key, sku text not null, from_id int not null, to_id int not null, quantity int not null
    )`,
  seed: `
    insert into stocks values
      (1, 'bolt', 10), (2, 'bolt', 5), (3, 'bolt', 0), (1, 'nut', 100), (2, 'nut', 3), (3, 'nut', 8)`,
  routes: {
    'POST /movements': async (db, input) => {
      const { sku, from, to, quantity } = input as { sku: string; from: number; to: number; quantity: number }
      return await db.transaction().execute(async (trx) => {
        const rows = await trx
          .selectFrom('stocks')
          .selectAll()
          .where('sku', '=', sku)
          .where('warehouse_id', 'in', [from, to])
          .orderBy('warehouse_id')
          .forUpdate()
          .execute()
        const source = rows.find((row) => row.warehouse_id === from)
        const target = rows.find((row) => row.warehouse_id === to)
        if (!source || !target) return { status: 404 }
        if (source.quantity < quantity) return { status: 409 }
        for (const [row, change] of [
          [source, -quantity],
          [target, quantity],
        ] as const) {
          await trx
            .updateTable('stocks')
            .set({ quantity: row.quantity + change })
            .where('sku', '=', sku)
            .where('warehouse_id', '=', row.warehouse_id)
            .execute()
        }
        await trx.insertInto('movements').values({ sku, from_id: from, to_id: to, quantity }).execute()
        return { status: 201 }
      })
    },
    'PUT /stocks/count': async (db, input) => {
      // Stocktaking: what was counted by hand is true.
      const { sku, warehouse, counted } = input as { sku: string; warehouse: number; counted: number }
      const current = await db
        .selectFrom('stocks')
        .select('quantity')
        .where('sku', '=', sku)
        .where('warehouse_id', '=', warehouse)
        .executeTakeFirst()
      if (!current) return { status: 404 }
      await db
        .updateTable('stocks')
        .set({ quantity: counted })
        .where('sku', '=', sku)
        .where('warehouse_id', '=', warehouse)
        .execute()
      return { status: 200 }
    },
    'POST /stocks/correction': async (db, input) => {
      const { sku, warehouse, change } = input as { sku: string; warehouse: number; change: number }
      const current = await db
        .selectFrom('stocks')
        .select('quantity')
        .where('sku', '=', sku)
        .where('warehouse_id', '=', warehouse)
        .executeTakeFirst()
      if (!current) return { status: 404 }
      const quantity = Math.max(0, current.quantity + change)
      await db
        .updateTable('stocks')
        .set({ quantity })
        .where('sku', '=', sku)
        .where('warehouse_id', '=', warehouse)
        .execute()
      return { status: 200, body: { quantity } }
    },
  },
  traffic: [
    ['POST /movements', { sku: 'nut', from: 1, to: 2, quantity: 10 }],
    ['POST /movements', { sku: 'nut', from: 3, to: 2, quantity: 50 }],
    ['POST /movements', { sku: 'gear', from: 1, to: 2, quantity: 1 }],
    ['POST /movements', { sku: 'bolt', from: 2, to: 3, quantity: 1 }],
    ['PUT /stocks/count', { sku: 'bolt', warehouse: 3, counted: 4 }],
    ['PUT /stocks/count', { sku: 'nut', warehouse: 3, counted: 7 }],
    ['PUT /stocks/count', { sku: 'gear', warehouse: 3, counted: 7 }],
    ['POST /stocks/correction', { sku: 'nut', warehouse: 1, change: -2 }],
    ['POST /stocks/correction', { sku: 'bolt', warehouse: 2, change: 3 }],
    ['POST /stocks/correction', { sku: 'gear', warehouse: 2, change: 3 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'row locks first, in order',
      first: ['POST /movements', { sku: 'bolt', from: 1, to: 2, quantity: 8 }],
      second: ['POST /movements', { sku: 'bolt', from: 1, to: 3, quantity: 7 }],
    },
    {
      label: 'clash',
      kind: 'lost update against a locking route',
      first: ['POST /movements', { sku: 'bolt', from: 1, to: 2, quantity: 8 }],
      second: ['POST /stocks/correction', { sku: 'bolt', warehouse: 1, change: 5 }],
    },
    {
      label: 'safe',
      kind: 'two counts, the last one stays',
      first: ['PUT /stocks/count', { sku: 'bolt', warehouse: 1, counted: 9 }],
      second: ['PUT /stocks/count', { sku: 'bolt', warehouse: 1, counted: 11 }],
    },
  ],
})

export const cases: ClashCase[] = [loyalty, auctions, trials, warehouse]
