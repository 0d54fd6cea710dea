import { and, count, eq, inArray, sql, sum } from 'drizzle-orm'
import { integer, pgTable, primaryKey, serial, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { drizzleCase, type ClashCase } from '../../corpus.js'
import { readSqlState, retrySerialization } from './transaction.js'

const subscriptions = pgTable('subscriptions', {
  id: serial('id').primaryKey(),
  userId: integer('user_id').notNull(),
  status: text('status').notNull(),
})

const topics = pgTable('topics', { id: serial('id').primaryKey(), name: text('name').notNull() }, (table) => [
  uniqueIndex('topics_name').on(table.name),
])

const shipments = pgTable('shipments', {
  id: integer('id').primaryKey(),
  status: text('status').notNull(),
  reason: text('reason'),
})

const budgets = pgTable('budgets', { team: text('team').primaryKey(), ceiling: integer('ceiling').notNull() })
const expenses = pgTable('expenses', {
  team: text('team').notNull(),
  what: text('what').notNull(),
  amount: integer('amount').notNull(),
})

const photos = pgTable('photos', { id: integer('id').primaryKey(), likes: integer('likes').notNull() })
const photoLikes = pgTable(
  'photo_likes',
  { photoId: integer('photo_id').notNull(), fan: text('fan').notNull() },
  (table) => [primaryKey({ columns: [table.photoId, table.fan] })],
)

const shelves = pgTable('shelves', { sku: text('sku').primaryKey(), stock: integer('stock').notNull() })

/** Drizzle: indexes that cover a part, states, sums and counts. */
export const cases: ClashCase[] = [
  drizzleCase({
    name: 'one live subscription, a partial index for the active ones',
    schema: `
      create table subscriptions (id serial primary key, user_id integer not null, status text not null);
      create unique index one_active on subscriptions (user_id) where status = 'active'`,
    seed: `insert into subscriptions (user_id, status) values (1, 'ended'), (2, 'active'), (3, 'pending')`,
    routes: {
      order: async (db, input) => {
        const live = await db
          .select({ id: subscriptions.id })
          .from(subscriptions)
          .where(
            and(eq(subscriptions.userId, Number(input.user)), inArray(subscriptions.status, ['active', 'pending'])),
          )
          .limit(1)
        if (live.length > 0) return { status: 409 }
        await db.insert(subscriptions).values({ userId: Number(input.user), status: 'pending' })
        return { status: 201 }
      },
      trial: async (db, input) => {
        const live = await db
          .select({ id: subscriptions.id })
          .from(subscriptions)
          .where(
            and(eq(subscriptions.userId, Number(input.user)), inArray(subscriptions.status, ['active', 'pending'])),
          )
          .limit(1)
        if (live.length > 0) return { status: 409 }
        try {
          await db.insert(subscriptions).values({ userId: Number(input.user), status: 'active' })
        } catch (error) {
          if (readSqlState(error) === '23505') return { status: 409 }
          throw error
        }
        return { status: 201 }
      },
    },
    traffic: [
      ['order', { user: 4 }],
      ['order', { user: 4 }],
      ['trial', { user: 4 }],
      ['trial', { user: 5 }],
      ['trial', { user: 5 }],
      ['order', { user: 2 }],
      ['trial', { user: 3 }],
      ['order', { user: 6 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'partial index does not cover the pending ones',
        first: ['order', { user: 1 }],
        second: ['order', { user: 1 }],
      },
      {
        label: 'clash',
        kind: 'one is pending and one is active: no row breaks the index',
        first: ['order', { user: 1 }],
        second: ['trial', { user: 1 }],
      },
      {
        label: 'safe',
        kind: 'partial index covers what both insert',
        first: ['trial', { user: 1 }],
        second: ['trial', { user: 1 }],
      },
    ],
  }),

  drizzleCase({
    name: 'topics are got or created, in any case of letters',
    schema: `
      create table topics (id serial primary key, name text not null);
      create unique index topics_name on topics (name)`,
    seed: `insert into topics (name) values ('News'), ('Sports')`,
    routes: {
      ensure: async (db, input) => {
        const name = String(input.name)
        const [known] = await db
          .select()
          .from(topics)
          .where(sql`lower(${topics.name}) = ${name.toLowerCase()}`)
        if (known) return { status: 200, body: known }
        const [created] = await db.insert(topics).values({ name }).onConflictDoNothing().returning()
        if (created) return { status: 201, body: created }
        const [other] = await db.select().from(topics).where(eq(topics.name, name))
        return { status: 200, body: other }
      },
    },
    traffic: [
      ['ensure', { name: 'news' }],
      ['ensure', { name: 'Music' }],
      ['ensure', { name: 'MUSIC' }],
      ['ensure', { name: 'Sports' }],
      ['ensure', { name: 'Film' }],
      ['ensure', { name: 'Film' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'unique index over the name, check over its lower case',
        first: ['ensure', { name: 'Travel' }],
        second: ['ensure', { name: 'travel' }],
      },
      {
        label: 'safe',
        kind: 'the same name: DO NOTHING, then read again',
        first: ['ensure', { name: 'Travel' }],
        second: ['ensure', { name: 'Travel' }],
      },
    ],
  }),

  drizzleCase({
    name: 'shipments are sent or cancelled',
    schema: `create table shipments (id integer primary key, status text not null, reason text)`,
    seed: `insert into shipments values (1, 'packed'), (2, 'packed'), (3, 'open'), (4, 'sent'), (5, 'packed')`,
    routes: {
      send: async (db, input) => {
        const [shipment] = await db
          .select()
          .from(shipments)
          .where(eq(shipments.id, Number(input.id)))
        if (!shipment) return { status: 404 }
        if (shipment.status !== 'packed') return { status: 409 }
        await db.update(shipments).set({ status: 'sent' }).where(eq(shipments.id, shipment.id))
        return { status: 200 }
      },
      cancel: async (db, input) => {
        const cancelled = await db
          .update(shipments)
          .set({ status: 'cancelled', reason: String(input.reason) })
          .where(and(eq(shipments.id, Number(input.id)), inArray(shipments.status, ['open', 'packed'])))
          .returning({ id: shipments.id })
        return { status: cancelled.length === 1 ? 200 : 409 }
      },
      // Sets the reason of any state, so that nothing of the state matters to it.
      annotate: async (db, input) => {
        const [shipment] = await db
          .select()
          .from(shipments)
          .where(eq(shipments.id, Number(input.id)))
        if (!shipment) return { status: 404 }
        await db
          .update(shipments)
          .set({ reason: String(input.reason) })
          .where(eq(shipments.id, shipment.id))
        return { status: 200, body: { status: shipment.status } }
      },
    },
    traffic: [
      ['send', { id: 2 }],
      ['send', { id: 2 }],
      ['cancel', { id: 3, reason: 'changed mind' }],
      ['cancel', { id: 4, reason: 'late' }],
      ['send', { id: 9 }],
      ['annotate', { id: 4, reason: 'fragile' }],
      ['annotate', { id: 9, reason: '' }],
      ['send', { id: 3 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'only one of two transitions is conditional',
        first: ['send', { id: 1 }],
        second: ['cancel', { id: 1, reason: 'no' }],
      },
      {
        label: 'safe',
        kind: 'both conditional on the state',
        first: ['cancel', { id: 1, reason: 'no' }],
        second: ['cancel', { id: 1, reason: 'never' }],
      },
      {
        label: 'safe',
        kind: 'state loaded, another column written',
        first: ['send', { id: 1 }],
        second: ['annotate', { id: 1, reason: 'fragile' }],
      },
    ],
  }),

  drizzleCase({
    name: 'expenses up to the ceiling of the team',
    schema: `
      create table budgets (team text primary key, ceiling integer not null);
      create table expenses (team text not null, what text not null, amount integer not null)`,
    seed: `
      insert into budgets values ('red', 100), ('blue', 1000), ('gray', 10);
      insert into expenses values ('red', 'chairs', 40)`,
    routes: {
      spend: async (db, input) =>
        await db.transaction(
          async (tx) => {
            const { team, what, amount } = input as { team: string; what: string; amount: number }
            const [budget] = await tx.select().from(budgets).where(eq(budgets.team, team))
            const [spent] = await tx
              .select({ total: sum(expenses.amount) })
              .from(expenses)
              .where(eq(expenses.team, team))
            if (!budget) return { status: 404 }
            if (Number(spent?.total ?? 0) + amount > budget.ceiling) return { status: 422 }
            await tx.insert(expenses).values({ team, what, amount })
            return { status: 201 }
          },
          { isolationLevel: 'repeatable read' },
        ),
      buy: async (db, input) =>
        await retrySerialization(
          async () =>
            await db.transaction(
              async (tx) => {
                const { team, what, amount } = input as { team: string; what: string; amount: number }
                const [budget] = await tx.select().from(budgets).where(eq(budgets.team, team))
                const [spent] = await tx
                  .select({ total: sum(expenses.amount) })
                  .from(expenses)
                  .where(eq(expenses.team, team))
                if (!budget) return { status: 404 }
                if (Number(spent?.total ?? 0) + amount > budget.ceiling) return { status: 422 }
                await tx.insert(expenses).values({ team, what, amount })
                return { status: 201 }
              },
              { isolationLevel: 'serializable' },
            ),
        ),
    },
    traffic: [
      ['spend', { team: 'blue', what: 'desks', amount: 600 }],
      ['buy', { team: 'blue', what: 'lamps', amount: 300 }],
      ['spend', { team: 'blue', what: 'sofa', amount: 200 }],
      ['buy', { team: 'blue', what: 'sofa', amount: 200 }],
      ['spend', { team: 'gray', what: 'pens', amount: 3 }],
      ['buy', { team: 'none', what: 'pens', amount: 3 }],
      ['buy', { team: 'gray', what: 'cups', amount: 4 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'sum under REPEATABLE READ',
        first: ['spend', { team: 'red', what: 'rug', amount: 50 }],
        second: ['spend', { team: 'red', what: 'plant', amount: 30 }],
      },
      {
        label: 'safe',
        kind: 'sum under SERIALIZABLE, tried again',
        first: ['buy', { team: 'red', what: 'rug', amount: 50 }],
        second: ['buy', { team: 'red', what: 'plant', amount: 30 }],
      },
      {
        label: 'clash',
        kind: 'only one of the two is SERIALIZABLE',
        first: ['spend', { team: 'red', what: 'rug', amount: 50 }],
        second: ['buy', { team: 'red', what: 'plant', amount: 30 }],
      },
    ],
  }),

  drizzleCase({
    name: 'likes of a photo, counted',
    schema: `
      create table photos (id integer primary key, likes integer not null default 0);
      create table photo_likes (photo_id integer not null, fan text not null, primary key (photo_id, fan))`,
    seed: `insert into photos values (1, 1), (2, 0), (3, 0); insert into photo_likes values (1, 'amy')`,
    routes: {
      like: async (db, input) => {
        const { photo, fan } = input as { photo: number; fan: string }
        const added = await db.insert(photoLikes).values({ photoId: photo, fan }).onConflictDoNothing().returning()
        if (added.length === 0) return { status: 200 }
        const [counted] = await db.select({ likes: count() }).from(photoLikes).where(eq(photoLikes.photoId, photo))
        await db
          .update(photos)
          .set({ likes: counted?.likes ?? 0 })
          .where(eq(photos.id, photo))
        return { status: 201 }
      },
      heart: async (db, input) => {
        const { photo, fan } = input as { photo: number; fan: string }
        return await db.transaction(async (tx) => {
          const added = await tx.insert(photoLikes).values({ photoId: photo, fan }).onConflictDoNothing().returning()
          if (added.length === 0) return { status: 200 }
          await tx
            .update(photos)
            .set({ likes: sql`${photos.likes} + 1` })
            .where(eq(photos.id, photo))
          return { status: 201 }
        })
      },
    },
    traffic: [
      ['like', { photo: 2, fan: 'amy' }],
      ['like', { photo: 2, fan: 'amy' }],
      ['heart', { photo: 2, fan: 'bea' }],
      ['heart', { photo: 2, fan: 'bea' }],
      ['heart', { photo: 3, fan: 'amy' }],
      ['like', { photo: 3, fan: 'cat' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'rows counted, the count written to another table',
        first: ['like', { photo: 1, fan: 'bea' }],
        second: ['like', { photo: 1, fan: 'cat' }],
      },
      {
        label: 'safe',
        kind: 'increment only when the row was new',
        first: ['heart', { photo: 1, fan: 'bea' }],
        second: ['heart', { photo: 1, fan: 'bea' }],
      },
    ],
  }),

  drizzleCase({
    name: 'stock read in one transaction and written in the next',
    schema: `create table shelves (sku text primary key, stock integer not null)`,
    seed: `insert into shelves values ('nut', 5), ('nail', 100), ('saw', 1)`,
    routes: {
      ship: async (db, input) => {
        const { sku, pieces } = input as { sku: string; pieces: number }
        const stock = await db.transaction(async (tx) => {
          const [shelf] = await tx.select().from(shelves).where(eq(shelves.sku, sku)).for('update')
          return shelf?.stock
        })
        if (stock === undefined) return { status: 404 }
        if (stock < pieces) return { status: 409 }
        await db.transaction(async (tx) => {
          await tx
            .update(shelves)
            .set({ stock: stock - pieces })
            .where(eq(shelves.sku, sku))
        })
        return { status: 200 }
      },
      deliver: async (db, input) => {
        const { sku, pieces } = input as { sku: string; pieces: number }
        const known = await db.transaction(async (tx) => await tx.select().from(shelves).where(eq(shelves.sku, sku)))
        if (known.length === 0) return { status: 404 }
        return await db.transaction(async (tx) => {
          const [shelf] = await tx.select().from(shelves).where(eq(shelves.sku, sku)).for('no key update')
          if (!shelf || shelf.stock < pieces) return { status: 409 }
          await tx
            .update(shelves)
            .set({ stock: shelf.stock - pieces })
            .where(eq(shelves.sku, sku))
          return { status: 200 }
        })
      },
    },
    traffic: [
      ['ship', { sku: 'nail', pieces: 10 }],
      ['deliver', { sku: 'nail', pieces: 10 }],
      ['ship', { sku: 'saw', pieces: 2 }],
      ['deliver', { sku: 'saw', pieces: 2 }],
      ['ship', { sku: 'axe', pieces: 1 }],
      ['deliver', { sku: 'axe', pieces: 1 }],
      ['deliver', { sku: 'saw', pieces: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'lock released before the write',
        first: ['ship', { sku: 'nut', pieces: 3 }],
        second: ['ship', { sku: 'nut', pieces: 4 }],
      },
      {
        label: 'safe',
        kind: 'read twice, the second time under the lock',
        first: ['deliver', { sku: 'nut', pieces: 3 }],
        second: ['deliver', { sku: 'nut', pieces: 4 }],
      },
    ],
  }),
]
