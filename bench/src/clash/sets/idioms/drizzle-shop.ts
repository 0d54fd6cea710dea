import { and, eq, gte, isNull, sql } from 'drizzle-orm'
import { boolean, integer, jsonb, pgTable, primaryKey, serial, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { type ClashCase, drizzleCase } from '../../corpus.js'

const products = pgTable('products', {
  id: serial().primaryKey(),
  name: text().notNull(),
  priceCents: integer('price_cents').notNull(),
  stock: integer().notNull(),
  viewCount: integer('view_count').notNull().default(0),
})
const orderItems = pgTable('order_items', {
  id: serial().primaryKey(),
  customerId: integer('customer_id').notNull(),
  productId: integer('product_id').notNull(),
  quantity: integer().notNull(),
})

const stock = drizzleCase({
  name: 'idioms drizzle product stock',
  schema: `
    create table products (
      id serial primary key,
      name text not null,
      price_cents int not null,
      stock int not null,
      view_count int not null default 0
    );
    create table order_items (
      id serial primary key,
      customer_id int not null,
      product_id int not null references products,
      quantity int not null
    )`,
  seed: `
    insert into products (name, price_cents, stock) values
      ('mug', 900, 1), ('shirt', 1900, 20), ('poster', 500, 0), ('cap', 1500, 5)`,
  routes: {
    'POST /orders': async (db, input) => {
      const { customerId, productId, quantity } = input as { customerId: number; productId: number; quantity: number }
      const [product] = await db.select().from(products).where(eq(products.id, productId))
      if (!product) return { status: 404 }
      if (product.stock < quantity) return { status: 409, body: { error: 'out of stock' } }
      await db.transaction(async (tx) => {
        await tx
          .update(products)
          .set({ stock: product.stock - quantity })
          .where(eq(products.id, productId))
        await tx.insert(orderItems).values({ customerId, productId, quantity })
      })
      return { status: 201 }
    },
    'POST /v2/orders': async (db, input) => {
      const { customerId, productId, quantity } = input as { customerId: number; productId: number; quantity: number }
      return await db.transaction(async (tx) => {
        const [product] = await tx
          .update(products)
          .set({ stock: sql`${products.stock} - ${quantity}` })
          .where(and(eq(products.id, productId), gte(products.stock, quantity)))
          .returning()
        if (!product) return { status: 409 }
        await tx.insert(orderItems).values({ customerId, productId, quantity })
        return { status: 201, body: { totalCents: product.priceCents * quantity } }
      })
    },
    'GET /products/:id': async (db, input) => {
      const [product] = await db
        .select()
        .from(products)
        .where(eq(products.id, input.id as number))
      if (!product) return { status: 404 }
      await db
        .update(products)
        .set({ viewCount: sql`${products.viewCount} + 1` })
        .where(eq(products.id, product.id))
      return { status: 200, body: product }
    },
    'POST /products/:id/restock': async (db, input) => {
      const { id, quantity } = input as { id: number; quantity: number }
      const product = await db
        .select()
        .from(products)
        .where(eq(products.id, id))
        .then((rows) => rows[0])
      if (!product) return { status: 404 }
      await db
        .update(products)
        .set({ stock: product.stock + quantity })
        .where(eq(products.id, id))
      return { status: 200 }
    },
  },
  traffic: [
    ['GET /products/:id', { id: 2 }],
    ['GET /products/:id', { id: 4 }],
    ['GET /products/:id', { id: 40 }],
    ['POST /orders', { customerId: 1, productId: 2, quantity: 2 }],
    ['POST /orders', { customerId: 1, productId: 3, quantity: 1 }],
    ['POST /orders', { customerId: 2, productId: 50, quantity: 1 }],
    ['POST /orders', { customerId: 2, productId: 4, quantity: 1 }],
    ['POST /v2/orders', { customerId: 3, productId: 2, quantity: 3 }],
    ['POST /v2/orders', { customerId: 3, productId: 3, quantity: 1 }],
    ['POST /v2/orders', { customerId: 4, productId: 4, quantity: 2 }],
    ['POST /products/:id/restock', { id: 3, quantity: 10 }],
    ['POST /products/:id/restock', { id: 4, quantity: 5 }],
    ['POST /products/:id/restock', { id: 60, quantity: 5 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'last item sold twice',
      first: ['POST /orders', { customerId: 1, productId: 1, quantity: 1 }],
      second: ['POST /orders', { customerId: 2, productId: 1, quantity: 1 }],
    },
    {
      label: 'clash',
      kind: 'lost update',
      first: ['POST /orders', { customerId: 1, productId: 2, quantity: 4 }],
      second: ['POST /products/:id/restock', { id: 2, quantity: 10 }],
    },
    {
      label: 'safe',
      kind: 'conditional decrement',
      first: ['POST /v2/orders', { customerId: 1, productId: 1, quantity: 1 }],
      second: ['POST /v2/orders', { customerId: 2, productId: 1, quantity: 1 }],
    },
    {
      label: 'safe',
      kind: 'view counter',
      first: ['GET /products/:id', { id: 2 }],
      second: ['GET /products/:id', { id: 2 }],
    },
    {
      label: 'safe',
      kind: 'view counter next to a conditional decrement',
      first: ['GET /products/:id', { id: 2 }],
      second: ['POST /v2/orders', { customerId: 2, productId: 2, quantity: 1 }],
    },
  ],
})

const settings = pgTable('settings', {
  id: serial().primaryKey(),
  userId: uuid('user_id').notNull(),
  key: text().notNull(),
  value: text().notNull(),
})
const profiles = pgTable('profiles', {
  userId: uuid('user_id').primaryKey(),
  theme: text().notNull().default('light'),
  preferences: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  lastSeenAt: timestamp('last_seen_at', { withTimezone: true }),
})

const preferences = drizzleCase({
  name: 'idioms drizzle preferences',
  schema: `
    create table settings (id serial primary key, user_id uuid not null, key text not null, value text not null);
    create table profiles (
      user_id uuid primary key,
      theme text not null default 'light',
      preferences jsonb not null default '{}',
      last_seen_at timestamptz
    )`,
  seed: `
    insert into profiles (user_id, preferences) values
      ('aaaaaaaa-0000-4000-8000-000000000001', '{"lang": "en"}'), ('aaaaaaaa-0000-4000-8000-000000000002', '{}');
    insert into settings (user_id, key, value) values
      ('aaaaaaaa-0000-4000-8000-000000000001', 'digest', 'daily'),
      ('aaaaaaaa-0000-4000-8000-000000000002', 'digest', 'never')`,
  routes: {
    'PUT /settings/:key': async (db, input) => {
      const { userId, key, value } = input as { userId: string; key: string; value: string }
      const [existing] = await db
        .select()
        .from(settings)
        .where(and(eq(settings.userId, userId), eq(settings.key, key)))
      if (existing) {
        await db.update(settings).set({ value }).where(eq(settings.id, existing.id))
        return { status: 200 }
      }
      await db.insert(settings).values({ userId, key, value })
      return { status: 201 }
    },
    'PUT /profile/theme': async (db, input) => {
      const { userId, theme } = input as { userId: string; theme: string }
      await db
        .insert(profiles)
        .values({ userId, theme })
        .onConflictDoUpdate({ target: profiles.userId, set: { theme } })
      return { status: 200 }
    },
    'PATCH /profile/preferences': async (db, input) => {
      const { userId, patch } = input as { userId: string; patch: Record<string, unknown> }
      const [profile] = await db.select().from(profiles).where(eq(profiles.userId, userId)).limit(1)
      if (!profile) return { status: 404 }
      await db
        .update(profiles)
        .set({ preferences: { ...profile.preferences, ...patch }, lastSeenAt: new Date() })
        .where(eq(profiles.userId, userId))
      return { status: 200 }
    },
    'PATCH /v2/profile/preferences': async (db, input) => {
      const { userId, patch } = input as { userId: string; patch: Record<string, unknown> }
      const updated = await db
        .update(profiles)
        .set({ preferences: sql`${profiles.preferences} || ${JSON.stringify(patch)}::jsonb`, lastSeenAt: sql`now()` })
        .where(eq(profiles.userId, userId))
        .returning()
      return updated.length > 0 ? { status: 200, body: updated[0] } : { status: 404 }
    },
  },
  traffic: [
    ['PUT /settings/:key', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', key: 'digest', value: 'weekly' }],
    ['PUT /settings/:key', { userId: 'aaaaaaaa-0000-4000-8000-000000000002', key: 'sound', value: 'off' }],
    ['PUT /profile/theme', { userId: 'aaaaaaaa-0000-4000-8000-000000000002', theme: 'dark' }],
    ['PUT /profile/theme', { userId: 'aaaaaaaa-0000-4000-8000-000000000003', theme: 'dark' }],
    ['PATCH /profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000002', patch: { lang: 'de' } }],
    ['PATCH /profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', patch: { lang: 'fr' } }],
    ['PATCH /profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000009', patch: {} }],
    ['PATCH /v2/profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', patch: { tz: 'UTC' } }],
    ['PATCH /v2/profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000003', patch: { tz: 'UTC' } }],
    ['PATCH /v2/profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000008', patch: {} }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'find or create without a unique index',
      first: ['PUT /settings/:key', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', key: 'beta', value: 'on' }],
      second: ['PUT /settings/:key', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', key: 'beta', value: 'off' }],
    },
    {
      label: 'safe',
      kind: 'the row exists: overwritten with the input',
      first: ['PUT /settings/:key', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', key: 'digest', value: 'weekly' }],
      second: ['PUT /settings/:key', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', key: 'digest', value: 'never' }],
    },
    {
      label: 'safe',
      kind: 'upsert',
      first: ['PUT /profile/theme', { userId: 'aaaaaaaa-0000-4000-8000-000000000007', theme: 'dark' }],
      second: ['PUT /profile/theme', { userId: 'aaaaaaaa-0000-4000-8000-000000000007', theme: 'light' }],
    },
    {
      label: 'clash',
      kind: 'jsonb merged in JavaScript',
      first: ['PATCH /profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', patch: { tz: 'UTC' } }],
      second: ['PATCH /profile/preferences', { userId: 'aaaaaaaa-0000-4000-8000-000000000001', patch: { font: 12 } }],
    },
    {
      label: 'safe',
      kind: 'jsonb merged in the statement',
      first: [
        'PATCH /v2/profile/preferences',
        { userId: 'aaaaaaaa-0000-4000-8000-000000000001', patch: { tz: 'UTC' } },
      ],
      second: [
        'PATCH /v2/profile/preferences',
        { userId: 'aaaaaaaa-0000-4000-8000-000000000001', patch: { font: 12 } },
      ],
    },
  ],
})

const workspaces = pgTable('workspaces', {
  id: integer().primaryKey(),
  name: text().notNull(),
  seats: integer().notNull(),
})
const members = pgTable(
  'members',
  {
    workspaceId: integer('workspace_id').notNull(),
    userId: text('user_id').notNull(),
    admin: boolean().notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.userId] })],
)
const invites = pgTable('invites', {
  token: text().primaryKey(),
  workspaceId: integer('workspace_id').notNull(),
  acceptedBy: text('accepted_by'),
})

const inviting = drizzleCase({
  name: 'idioms drizzle workspace invites',
  schema: `
    create table workspaces (id int primary key, name text not null, seats int not null);
    create table members (
      workspace_id int not null references workspaces,
      user_id text not null,
      admin boolean not null default false,
      primary key (workspace_id, user_id)
    );
    create table invites (
      token text primary key,
      workspace_id int not null references workspaces,
      accepted_by text
    )`,
  seed: `
    insert into workspaces values (1, 'design', 10), (2, 'tiny', 2), (3, 'full', 1);
    insert into members values (1, 'ada', true), (2, 'bob', true), (3, 'cyd', true);
    insert into invites values
      ('inv-1', 1, null), ('inv-2', 1, null), ('inv-3', 1, 'ada'), ('inv-4', 2, null), ('inv-5', 2, null),
      ('inv-6', 3, null), ('inv-7', 1, null)`,
  routes: {
    'POST /invites/:token/accept': async (db, input) => {
      const { token, userId } = input as { token: string; userId: string }
      return await db.transaction(async (tx) => {
        const [invite] = await tx.select().from(invites).where(eq(invites.token, token))
        if (!invite) return { status: 404 }
        if (invite.acceptedBy) return { status: 410 }
        await tx.insert(members).values({ workspaceId: invite.workspaceId, userId }).onConflictDoNothing()
        await tx.update(invites).set({ acceptedBy: userId }).where(eq(invites.token, token))
        return { status: 200 }
      })
    },
    'POST /v2/invites/:token/accept': async (db, input) => {
      const { token, userId } = input as { token: string; userId: string }
      return await db.transaction(async (tx) => {
        const [invite] = await tx
          .update(invites)
          .set({ acceptedBy: userId })
          .where(and(eq(invites.token, token), isNull(invites.acceptedBy)))
          .returning()
        if (!invite) return { status: 410 }
        await tx.insert(members).values({ workspaceId: invite.workspaceId, userId }).onConflictDoNothing()
        return { status: 200 }
      })
    },
    'POST /workspaces/:id/join': async (db, input) => {
      const { id, userId } = input as { id: number; userId: string }
      return await db.transaction(async (tx) => {
        const [workspace] = await tx.select().from(workspaces).where(eq(workspaces.id, id)).for('update')
        if (!workspace) return { status: 404 }
        const taken = await tx.$count(members, eq(members.workspaceId, id))
        if (taken >= workspace.seats) return { status: 402 }
        const added = await tx
          .insert(members)
          .values({ workspaceId: id, userId })
          .onConflictDoNothing()
          .returning({ userId: members.userId })
        return { status: added.length ? 201 : 200 }
      })
    },
  },
  traffic: [
    ['POST /invites/:token/accept', { token: 'inv-7', userId: 'dan' }],
    ['POST /invites/:token/accept', { token: 'inv-3', userId: 'dan' }],
    ['POST /invites/:token/accept', { token: 'nope', userId: 'dan' }],
    ['POST /invites/:token/accept', { token: 'inv-6', userId: 'eve' }],
    ['POST /v2/invites/:token/accept', { token: 'inv-2', userId: 'fay' }],
    ['POST /v2/invites/:token/accept', { token: 'inv-7', userId: 'gus' }],
    ['POST /v2/invites/:token/accept', { token: 'inv-5', userId: 'gus' }],
    ['POST /workspaces/:id/join', { id: 1, userId: 'hal' }],
    ['POST /workspaces/:id/join', { id: 1, userId: 'ada' }],
    ['POST /workspaces/:id/join', { id: 3, userId: 'hal' }],
    ['POST /workspaces/:id/join', { id: 8, userId: 'hal' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'single-use invite used twice',
      first: ['POST /invites/:token/accept', { token: 'inv-1', userId: 'ivy' }],
      second: ['POST /invites/:token/accept', { token: 'inv-1', userId: 'joe' }],
    },
    {
      label: 'safe',
      kind: 'conditional update first',
      first: ['POST /v2/invites/:token/accept', { token: 'inv-1', userId: 'ivy' }],
      second: ['POST /v2/invites/:token/accept', { token: 'inv-1', userId: 'joe' }],
    },
    {
      label: 'safe',
      kind: 'last seat behind a row lock',
      first: ['POST /workspaces/:id/join', { id: 2, userId: 'ivy' }],
      second: ['POST /workspaces/:id/join', { id: 2, userId: 'joe' }],
    },
  ],
})

export const cases: ClashCase[] = [stock, preferences, inviting]
