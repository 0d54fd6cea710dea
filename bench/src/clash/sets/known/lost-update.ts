import { eq } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, typeormCase, type ClashCase } from '../../corpus.js'

const wallet = pgCase({
  name: 'wallet: balance computed in the program',
  schema: `create table wallets (id int primary key, owner text not null, balance int not null);
    create table wallet_entries (id serial primary key, wallet_id int not null references wallets, amount int not null)`,
  seed: `insert into wallets values (1, 'ada', 100), (2, 'bob', 40), (3, 'cyn', 500)`,
  routes: {
    'POST /wallets/:id/withdraw': async (pool, input) => {
      const { id, amount } = input as { id: number; amount: number }
      const { rows } = await pool.query<{ balance: number }>('select balance from wallets where id = $1', [id])
      const found = rows[0]
      if (!found) return { status: 404 }
      if (found.balance < amount) return { status: 402, body: { error: 'insufficient funds' } }
      await pool.query('update wallets set balance = $1 where id = $2', [found.balance - amount, id])
      await pool.query('insert into wallet_entries (wallet_id, amount) values ($1, $2)', [id, -amount])
      return { status: 200, body: { balance: found.balance - amount } }
    },
    'GET /wallets/:id': async (pool, input) => {
      const { rows } = await pool.query('select id, owner, balance from wallets where id = $1', [input.id])
      return rows[0] ? { status: 200, body: rows[0] } : { status: 404 }
    },
  },
  traffic: [
    ['GET /wallets/:id', { id: 1 }],
    ['POST /wallets/:id/withdraw', { id: 1, amount: 30 }],
    ['POST /wallets/:id/withdraw', { id: 2, amount: 50 }],
    ['POST /wallets/:id/withdraw', { id: 3, amount: 120 }],
    ['POST /wallets/:id/withdraw', { id: 9, amount: 10 }],
    ['POST /wallets/:id/withdraw', { id: 3, amount: 75 }],
    ['GET /wallets/:id', { id: 3 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update, arithmetic',
      first: ['POST /wallets/:id/withdraw', { id: 3, amount: 120 }],
      second: ['POST /wallets/:id/withdraw', { id: 3, amount: 33 }],
    },
    {
      label: 'safe',
      kind: 'a read beside a write',
      first: ['POST /wallets/:id/withdraw', { id: 3, amount: 120 }],
      second: ['GET /wallets/:id', { id: 3 }],
    },
  ],
})

interface Profile {
  id: string
  displayName: string
  email: string
  newsletter: boolean
}

const ProfileEntity = new EntitySchema<Profile>({
  name: 'Profile',
  tableName: 'profiles',
  columns: {
    id: { type: 'uuid', primary: true },
    displayName: { name: 'display_name', type: 'text' },
    email: { type: 'text' },
    newsletter: { type: 'boolean' },
  },
})

const ANN = '6a1c0f7e-0000-4000-8000-000000000001'
const BEN = '6a1c0f7e-0000-4000-8000-000000000002'
const NOBODY = '6a1c0f7e-0000-4000-8000-0000000000ff'

const profileSave = typeormCase([ProfileEntity], {
  name: 'profile: two forms save the whole entity',
  schema: `create table profiles (id uuid primary key, display_name text not null, email text not null,
    newsletter boolean not null default false)`,
  seed: `insert into profiles values ('${ANN}', 'Ann', 'ann@example.com', false), ('${BEN}', 'Ben', 'ben@example.com', true)`,
  routes: {
    'PATCH /profiles/:id/name': async (source, input) => {
      const { id, name } = input as { id: string; name: string }
      const profiles = source.getRepository(ProfileEntity)
      const profile = await profiles.findOneBy({ id })
      if (!profile) return { status: 404 }
      profile.displayName = name
      await profiles.save(profile)
      return { status: 200 }
    },
    'PATCH /profiles/:id/email': async (source, input) => {
      const { id, email } = input as { id: string; email: string }
      const profiles = source.getRepository(ProfileEntity)
      const profile = await profiles.findOneBy({ id })
      if (!profile) return { status: 404 }
      if (!email.includes('@')) return { status: 422 }
      profile.email = email
      await profiles.save(profile)
      return { status: 200 }
    },
  },
  traffic: [
    ['PATCH /profiles/:id/name', { id: ANN, name: 'Anna' }],
    ['PATCH /profiles/:id/email', { id: ANN, email: 'anna@example.com' }],
    ['PATCH /profiles/:id/email', { id: BEN, email: 'nonsense' }],
    ['PATCH /profiles/:id/name', { id: BEN, name: 'Benno' }],
    ['PATCH /profiles/:id/email', { id: BEN, email: 'benno@example.com' }],
    ['PATCH /profiles/:id/name', { id: NOBODY, name: 'Nobody' }],
    ['PATCH /profiles/:id/email', { id: NOBODY, email: 'no@example.com' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update, whole-row save',
      first: ['PATCH /profiles/:id/name', { id: ANN, name: 'Annabel' }],
      second: ['PATCH /profiles/:id/email', { id: ANN, email: 'annabel@example.com' }],
    },
  ],
})

interface Workspaces {
  workspaces: { id: Generated<number>; name: string; settings: Record<string, unknown> }
}

const settings = kyselyCase<Workspaces>({
  name: 'workspace: settings document merged in the program',
  schema: `create table workspaces (id int generated always as identity primary key, name text not null,
    settings jsonb not null default '{}')`,
  seed: `insert into workspaces (name, settings) values ('red', '{"theme":"dark","lang":"en"}'), ('blue', '{"theme":"light"}')`,
  routes: {
    'PATCH /workspaces/:id/settings': async (db, input) => {
      const { id, key, value } = input as { id: number; key: string; value: unknown }
      const workspace = await db.selectFrom('workspaces').select('settings').where('id', '=', id).executeTakeFirst()
      if (!workspace) return { status: 404 }
      const merged = { ...workspace.settings, [key]: value }
      await db.updateTable('workspaces').set({ settings: merged }).where('id', '=', id).execute()
      return { status: 200, body: merged }
    },
  },
  traffic: [
    ['PATCH /workspaces/:id/settings', { id: 1, key: 'theme', value: 'light' }],
    ['PATCH /workspaces/:id/settings', { id: 1, key: 'timezone', value: 'Europe/Rome' }],
    ['PATCH /workspaces/:id/settings', { id: 2, key: 'lang', value: 'de' }],
    ['PATCH /workspaces/:id/settings', { id: 77, key: 'lang', value: 'de' }],
    ['PATCH /workspaces/:id/settings', { id: 2, key: 'beta', value: true }],
    ['PATCH /workspaces/:id/settings', { id: 1, key: 'pageSize', value: 50 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update, jsonb document',
      first: ['PATCH /workspaces/:id/settings', { id: 1, key: 'lang', value: 'fr' }],
      second: ['PATCH /workspaces/:id/settings', { id: 1, key: 'weekStart', value: 'mon' }],
    },
  ],
})

const stock = knexCase({
  name: 'warehouse: two ways to move stock',
  schema: `create table stock_items (sku text primary key, on_hand int not null, reorder_at int not null);`,
  seed: `insert into stock_items values ('bolt-m8', 200, 50), ('nut-m8', 90, 40), ('washer', 12, 10)`,
  routes: {
    'POST /stock/:sku/pick': async (knex, input) => {
      const { sku, quantity } = input as { sku: string; quantity: number }
      const item = await knex('stock_items').where({ sku }).first()
      if (!item) return { status: 404 }
      if (item.on_hand < quantity) return { status: 409, body: { onHand: item.on_hand } }
      await knex('stock_items')
        .where({ sku })
        .update({ on_hand: item.on_hand - quantity })
      return { status: 200 }
    },
    'POST /stock/:sku/receive': async (knex, input) => {
      const { sku, quantity } = input as { sku: string; quantity: number }
      const changed = await knex('stock_items').where({ sku }).increment('on_hand', quantity)
      return { status: changed ? 200 : 404 }
    },
  },
  traffic: [
    ['POST /stock/:sku/pick', { sku: 'bolt-m8', quantity: 20 }],
    ['POST /stock/:sku/receive', { sku: 'washer', quantity: 100 }],
    ['POST /stock/:sku/pick', { sku: 'washer', quantity: 30 }],
    ['POST /stock/:sku/pick', { sku: 'nut-m8', quantity: 95 }],
    ['POST /stock/:sku/receive', { sku: 'gasket', quantity: 5 }],
    ['POST /stock/:sku/pick', { sku: 'gasket', quantity: 5 }],
    ['POST /stock/:sku/receive', { sku: 'nut-m8', quantity: 10 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update, only one side unguarded',
      first: ['POST /stock/:sku/pick', { sku: 'bolt-m8', quantity: 7 }],
      second: ['POST /stock/:sku/receive', { sku: 'bolt-m8', quantity: 40 }],
    },
    {
      label: 'safe',
      kind: 'relative increments',
      first: ['POST /stock/:sku/receive', { sku: 'bolt-m8', quantity: 15 }],
      second: ['POST /stock/:sku/receive', { sku: 'bolt-m8', quantity: 40 }],
    },
  ],
})

const players = pgTable('players', {
  id: integer('id').primaryKey(),
  handle: text('handle').notNull(),
  gold: integer('gold').notNull(),
  xp: integer('xp').notNull(),
})

const upgrade = drizzleCase({
  name: 'game: gold and xp written together in a transaction',
  schema: 'create table players (id int primary key, handle text not null, gold int not null, xp int not null)',
  seed: `insert into players values (1, 'orc', 300, 10), (2, 'elf', 20, 55), (3, 'gnome', 900, 0)`,
  routes: {
    'POST /players/:id/train': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id, cost } = input as { id: number; cost: number }
        const [player] = await tx.select().from(players).where(eq(players.id, id))
        if (!player) return { status: 404 }
        if (player.gold < cost) return { status: 402 }
        await tx
          .update(players)
          .set({ gold: player.gold - cost, xp: player.xp + cost * 2 })
          .where(eq(players.id, id))
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /players/:id/train', { id: 1, cost: 25 }],
    ['POST /players/:id/train', { id: 2, cost: 25 }],
    ['POST /players/:id/train', { id: 3, cost: 100 }],
    ['POST /players/:id/train', { id: 8, cost: 5 }],
    ['POST /players/:id/train', { id: 3, cost: 60 }],
    ['POST /players/:id/train', { id: 2, cost: 15 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update inside a plain transaction',
      first: ['POST /players/:id/train', { id: 3, cost: 200 }],
      second: ['POST /players/:id/train', { id: 3, cost: 45 }],
    },
  ],
})

export const cases: ClashCase[] = [wallet, profileSave, settings, stock, upgrade]
