import { randomBytes } from 'node:crypto'
import { and, eq, sql } from 'drizzle-orm'
import { bigint, boolean, integer, pgTable, primaryKey } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, postgresJsCase, typeormCase, type ClashCase } from '../../corpus.js'

const sessions = knexCase({
  name: 'sessions: last seen is touched, a token is rotated',
  schema: `create table sessions (id text primary key, user_id int not null, token text not null, last_seen timestamptz,
    revoked boolean not null default false)`,
  seed: `insert into sessions values ('s1', 1, 't-1', null, false), ('s2', 2, 't-2', null, false), ('s3', 2, 't-3', null, true)`,
  routes: {
    'GET /me': async (knex, input) => {
      const session = await knex('sessions').where({ id: input.session }).first()
      if (!session || session.revoked) return { status: 401 }
      await knex('sessions').where({ id: session.id }).update({ last_seen: knex.fn.now() })
      return { status: 200, body: { user: session.user_id } }
    },
    'POST /me/rotate': async (knex, input) => {
      const session = await knex('sessions').where({ id: input.session }).first()
      if (!session || session.revoked) return { status: 401 }
      const token = randomBytes(12).toString('hex')
      await knex('sessions').where({ id: session.id }).update({ token, last_seen: new Date() })
      return { status: 200, body: { token } }
    },
  },
  traffic: [
    ['GET /me', { session: 's1' }],
    ['GET /me', { session: 's3' }],
    ['POST /me/rotate', { session: 's2' }],
    ['GET /me', { session: 's2' }],
    ['POST /me/rotate', { session: 's3' }],
    ['GET /me', { session: 'none' }],
    ['POST /me/rotate', { session: 's1' }],
  ],
  pairs: [
    { label: 'safe', kind: 'last seen', first: ['GET /me', { session: 's1' }], second: ['GET /me', { session: 's1' }] },
    {
      label: 'safe',
      kind: 'random value',
      first: ['POST /me/rotate', { session: 's1' }],
      second: ['POST /me/rotate', { session: 's1' }],
    },
  ],
})

interface Documents {
  documents: { id: string; owner_id: number; body: string; updated_at: Generated<Date> }
}

const D1 = '33333333-cccc-4ccc-8ccc-000000000001'
const D2 = '33333333-cccc-4ccc-8ccc-000000000002'
const D9 = '33333333-cccc-4ccc-8ccc-000000000009'

const ownerCheck = kyselyCase<Documents>({
  name: 'documents: the owner is checked, then the text is overwritten',
  schema: `create table documents (id uuid primary key, owner_id int not null, body text not null,
    updated_at timestamptz not null default now())`,
  seed: `insert into documents values ('${D1}', 1, 'one'), ('${D2}', 2, 'two')`,
  routes: {
    'PUT /documents/:id': async (db, input) => {
      const { id, user, body } = input as { id: string; user: number; body: string }
      const document = await db.selectFrom('documents').selectAll().where('id', '=', id).executeTakeFirst()
      if (!document) return { status: 404 }
      if (document.owner_id !== user) return { status: 403 }
      await db.updateTable('documents').set({ body, updated_at: new Date() }).where('id', '=', id).execute()
      return { status: 200 }
    },
  },
  traffic: [
    ['PUT /documents/:id', { id: D1, user: 1, body: 'uno' }],
    ['PUT /documents/:id', { id: D1, user: 2, body: 'due' }],
    ['PUT /documents/:id', { id: D2, user: 2, body: 'due' }],
    ['PUT /documents/:id', { id: D9, user: 2, body: 'nove' }],
    ['PUT /documents/:id', { id: D2, user: 2, body: 'dos' }],
    ['PUT /documents/:id', { id: D2, user: 1, body: 'eins' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'owner check before a blind write',
      first: ['PUT /documents/:id', { id: D2, user: 2, body: 'zwei' }],
      second: ['PUT /documents/:id', { id: D2, user: 2, body: 'deux' }],
    },
  ],
})

const price = pgCase({
  name: 'orders: the price is copied, somebody changes it meanwhile',
  schema: `create table goods (sku text primary key, price numeric(8,2) not null);
    create table order_lines (id serial primary key, sku text not null references goods, quantity int not null,
      unit_price numeric(8,2) not null)`,
  seed: `insert into goods values ('pen', 1.20), ('ink', 6.00), ('pad', 3.35)`,
  routes: {
    'POST /orders': async (pool, input) => {
      const { sku, quantity } = input as { sku: string; quantity: number }
      const { rows } = await pool.query<{ price: string }>('select price from goods where sku = $1', [sku])
      if (!rows[0]) return { status: 404 }
      await pool.query('insert into order_lines (sku, quantity, unit_price) values ($1, $2, $3)', [
        sku,
        quantity,
        rows[0].price,
      ])
      return { status: 201, body: { total: Number(rows[0].price) * quantity } }
    },
    'PUT /goods/:sku/price': async (pool, input) => {
      const { sku, price } = input as { sku: string; price: string }
      const { rowCount } = await pool.query('update goods set price = $2 where sku = $1', [sku, price])
      return { status: rowCount ? 200 : 404 }
    },
  },
  traffic: [
    ['POST /orders', { sku: 'pen', quantity: 10 }],
    ['PUT /goods/:sku/price', { sku: 'pen', price: '1.35' }],
    ['POST /orders', { sku: 'pen', quantity: 1 }],
    ['POST /orders', { sku: 'cap', quantity: 1 }],
    ['PUT /goods/:sku/price', { sku: 'cap', price: '2.00' }],
    ['POST /orders', { sku: 'ink', quantity: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'price copied, changed at the same time',
      first: ['POST /orders', { sku: 'pad', quantity: 4 }],
      second: ['PUT /goods/:sku/price', { sku: 'pad', price: '3.99' }],
    },
    {
      label: 'safe',
      kind: 'two orders of one product',
      first: ['POST /orders', { sku: 'pad', quantity: 4 }],
      second: ['POST /orders', { sku: 'pad', quantity: 9 }],
    },
  ],
})

const likes = pgTable(
  'likes',
  { postId: bigint('post_id', { mode: 'number' }).notNull(), userId: integer('user_id').notNull() },
  (table) => [primaryKey({ columns: [table.postId, table.userId] })],
)

const posts = pgTable('posts', {
  id: bigint('id', { mode: 'number' }).primaryKey(),
  likeCount: integer('like_count').notNull(),
  hidden: boolean('hidden').notNull(),
})

const liking = drizzleCase({
  name: 'likes: counted only if the insert did something',
  schema: `create table posts (id bigint primary key, like_count int not null default 0, hidden boolean not null default false);
    create table likes (post_id bigint references posts, user_id int, primary key (post_id, user_id))`,
  seed: `insert into posts values (1, 1, false), (2, 0, false), (3, 0, true), (4, 2, false);
    insert into likes values (1, 7), (4, 7), (4, 8)`,
  routes: {
    'POST /posts/:id/like': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id, user } = input as { id: number; user: number }
        const [post] = await tx.select().from(posts).where(eq(posts.id, id))
        if (!post || post.hidden) return { status: 404 }
        const added = await tx.insert(likes).values({ postId: id, userId: user }).onConflictDoNothing().returning()
        if (added.length) {
          await tx
            .update(posts)
            .set({ likeCount: sql`${posts.likeCount} + 1` })
            .where(eq(posts.id, id))
        }
        return { status: 204 }
      }),
    'DELETE /posts/:id/like': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id, user } = input as { id: number; user: number }
        const removed = await tx
          .delete(likes)
          .where(and(eq(likes.postId, id), eq(likes.userId, user)))
          .returning()
        if (removed.length) {
          await tx
            .update(posts)
            .set({ likeCount: sql`${posts.likeCount} - 1` })
            .where(eq(posts.id, id))
        }
        return { status: 204 }
      }),
  },
  traffic: [
    ['POST /posts/:id/like', { id: 1, user: 5 }],
    ['POST /posts/:id/like', { id: 1, user: 5 }],
    ['POST /posts/:id/like', { id: 2, user: 5 }],
    ['DELETE /posts/:id/like', { id: 1, user: 5 }],
    ['DELETE /posts/:id/like', { id: 1, user: 5 }],
    ['POST /posts/:id/like', { id: 3, user: 5 }],
    ['POST /posts/:id/like', { id: 99, user: 5 }],
    ['DELETE /posts/:id/like', { id: 4, user: 8 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'insert ON CONFLICT, then a counter',
      first: ['POST /posts/:id/like', { id: 4, user: 6 }],
      second: ['POST /posts/:id/like', { id: 4, user: 6 }],
    },
    {
      label: 'safe',
      kind: 'deleted once, counted once',
      first: ['DELETE /posts/:id/like', { id: 4, user: 7 }],
      second: ['DELETE /posts/:id/like', { id: 4, user: 7 }],
    },
  ],
})

interface Course {
  id: number
  title: string
  archived: boolean
  enrolled: number
  version: number
}

const CourseEntity = new EntitySchema<Course>({
  name: 'Course',
  tableName: 'courses',
  columns: {
    id: { type: 'int', primary: true },
    title: { type: 'text' },
    archived: { type: 'boolean' },
    enrolled: { type: 'int' },
    version: { type: 'int' },
  },
})

const courses = typeormCase([CourseEntity], {
  name: 'courses: archived, counted up and renamed by version',
  schema: `create table courses (id int primary key, title text not null, archived boolean not null default false,
    enrolled int not null default 0, version int not null default 1)`,
  seed: `insert into courses values (1, 'Go', false, 10, 1), (2, 'Chess', true, 4, 2), (3, 'Bridge', false, 0, 5)`,
  routes: {
    'POST /courses/:id/archive': async (source, input) => {
      const { id } = input as { id: number }
      const courses = source.getRepository(CourseEntity)
      const course = await courses.findOneBy({ id })
      if (!course) return { status: 404 }
      if (!course.archived) await courses.update({ id }, { archived: true })
      return { status: 204 }
    },
    'POST /courses/:id/enrol': async (source, input) => {
      const { id } = input as { id: number }
      const courses = source.getRepository(CourseEntity)
      if ((await courses.countBy({ id })) === 0) return { status: 404 }
      await courses.increment({ id }, 'enrolled', 1)
      return { status: 200 }
    },
    'PUT /courses/:id/title': async (source, input) => {
      const { id, title, version } = input as { id: number; title: string; version: number }
      const courses = source.getRepository(CourseEntity)
      const course = await courses.findOneBy({ id })
      if (!course) return { status: 404 }
      const { affected } = await courses.update({ id, version }, { title, version: version + 1 })
      return { status: affected === 1 ? 200 : 412 }
    },
  },
  traffic: [
    ['POST /courses/:id/archive', { id: 2 }],
    ['POST /courses/:id/archive', { id: 1 }],
    ['POST /courses/:id/archive', { id: 8 }],
    ['POST /courses/:id/enrol', { id: 1 }],
    ['POST /courses/:id/enrol', { id: 3 }],
    ['POST /courses/:id/enrol', { id: 8 }],
    ['PUT /courses/:id/title', { id: 1, title: 'Go, again', version: 1 }],
    ['PUT /courses/:id/title', { id: 1, title: 'Go, go', version: 1 }],
    ['PUT /courses/:id/title', { id: 8, title: 'None', version: 1 }],
    ['PUT /courses/:id/title', { id: 1, title: 'Go, go', version: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'idempotent constant',
      first: ['POST /courses/:id/archive', { id: 3 }],
      second: ['POST /courses/:id/archive', { id: 3 }],
    },
    {
      label: 'safe',
      kind: 'increment by the ORM',
      first: ['POST /courses/:id/enrol', { id: 3 }],
      second: ['POST /courses/:id/enrol', { id: 3 }],
    },
    {
      label: 'safe',
      kind: 'version from the client, compared',
      first: ['PUT /courses/:id/title', { id: 3, title: 'Bridge I', version: 5 }],
      second: ['PUT /courses/:id/title', { id: 3, title: 'Bridge II', version: 5 }],
    },
  ],
})

const audit = postgresJsCase({
  name: 'statement: a sum is read for display, then the visit is written down',
  schema: `create table statements (account int not null, cents int not null);
    create table statement_views (id serial primary key, account int not null, viewer text not null)`,
  seed: `insert into statements values (1, 500), (1, -120), (2, 70)`,
  routes: {
    'GET /statements/:account': async (sql, input) => {
      const { account, viewer } = input as { account: number; viewer: string }
      const [sum] = await sql`select coalesce(sum(cents), 0)::int as cents from statements where account = ${account}`
      await sql`insert into statement_views ${sql({ account, viewer })}`
      return { status: 200, body: sum }
    },
    'POST /statements/:account': async (sql, input) => {
      const { account, cents } = input as { account: number; cents: number }
      if (cents === 0) return { status: 422 }
      await sql`insert into statements ${sql({ account, cents })}`
      return { status: 201 }
    },
  },
  traffic: [
    ['GET /statements/:account', { account: 1, viewer: 'ann' }],
    ['POST /statements/:account', { account: 1, cents: 35 }],
    ['POST /statements/:account', { account: 1, cents: 0 }],
    ['GET /statements/:account', { account: 2, viewer: 'bob' }],
    ['GET /statements/:account', { account: 3, viewer: 'bob' }],
    ['POST /statements/:account', { account: 3, cents: 20 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'read for display before an unrelated write',
      first: ['GET /statements/:account', { account: 1, viewer: 'cat' }],
      second: ['POST /statements/:account', { account: 1, cents: 35 }],
    },
  ],
})

const inbox = knexCase({
  name: 'inbox: all read, after the unread ones were counted',
  schema: `create table notices (id int primary key, user_id int not null, read boolean not null default false)`,
  seed: `insert into notices values (1, 1, false), (2, 1, false), (3, 2, false), (4, 2, true), (5, 3, false), (6, 3, false)`,
  routes: {
    'POST /inbox/read-all': async (knex, input) => {
      const found = await knex('notices').where({ user_id: input.user, read: false }).count({ unread: '*' }).first()
      await knex('notices').where({ user_id: input.user }).update({ read: true })
      return { status: 200, body: { unread: Number(found?.unread) } }
    },
  },
  traffic: [
    ['POST /inbox/read-all', { user: 1 }],
    ['POST /inbox/read-all', { user: 1 }],
    ['POST /inbox/read-all', { user: 2 }],
    ['POST /inbox/read-all', { user: 9 }],
    ['POST /inbox/read-all', { user: 2 }],
    ['POST /inbox/read-all', { user: 9 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'idempotent constant after a count for display',
      first: ['POST /inbox/read-all', { user: 3 }],
      second: ['POST /inbox/read-all', { user: 3 }],
    },
  ],
})

export const cases: ClashCase[] = [sessions, ownerCheck, price, liking, courses, audit, inbox]
