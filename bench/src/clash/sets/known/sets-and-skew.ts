import { eq, sql } from 'drizzle-orm'
import { boolean, integer, pgTable, text } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, typeormCase, type ClashCase } from '../../corpus.js'

interface Budgets {
  projects: { code: string; budget: number }
  expenses: { id: Generated<number>; project_code: string; amount: number; memo: string }
}

const budget = kyselyCase<Budgets>({
  name: 'project: expenses summed against the budget',
  schema: `create table projects (code text primary key, budget int not null);
    create table expenses (id serial primary key, project_code text not null references projects, amount int not null,
      memo text not null)`,
  seed: `insert into projects values ('apollo', 1000), ('gemini', 300), ('mercury', 100);
    insert into expenses (project_code, amount, memo) values ('apollo', 200, 'paint'), ('gemini', 250, 'fuel')`,
  routes: {
    'POST /projects/:code/expenses': async (db, input) => {
      const { code, amount, memo } = input as { code: string; amount: number; memo: string }
      const project = await db.selectFrom('projects').selectAll().where('code', '=', code).executeTakeFirst()
      if (!project) return { status: 404 }
      const { spent } = await db
        .selectFrom('expenses')
        .select((eb) => eb.fn.sum<string | null>('amount').as('spent'))
        .where('project_code', '=', code)
        .executeTakeFirstOrThrow()
      if (Number(spent ?? 0) + amount > project.budget) return { status: 409, body: { error: 'over budget' } }
      await db.insertInto('expenses').values({ project_code: code, amount, memo }).execute()
      return { status: 201 }
    },
  },
  traffic: [
    ['POST /projects/:code/expenses', { code: 'apollo', amount: 120, memo: 'bolts' }],
    ['POST /projects/:code/expenses', { code: 'gemini', amount: 80, memo: 'bolts' }],
    ['POST /projects/:code/expenses', { code: 'gemini', amount: 30, memo: 'tape' }],
    ['POST /projects/:code/expenses', { code: 'skylab', amount: 30, memo: 'tape' }],
    ['POST /projects/:code/expenses', { code: 'apollo', amount: 55, memo: 'food' }],
    ['POST /projects/:code/expenses', { code: 'mercury', amount: 150, memo: 'food' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'quota by sum',
      first: ['POST /projects/:code/expenses', { code: 'mercury', amount: 70, memo: 'glue' }],
      second: ['POST /projects/:code/expenses', { code: 'mercury', amount: 60, memo: 'rope' }],
    },
  ],
})

const tags = knexCase({
  name: 'photo: tags replaced by DELETE and INSERT',
  schema: `create table photos (id bigint primary key, title text not null);
    create table photo_tags (photo_id bigint references photos, tag text, primary key (photo_id, tag))`,
  seed: `insert into photos values (1, 'sunset'), (2, 'harbour'), (3, 'cat');
    insert into photo_tags values (1, 'sky'), (1, 'red'), (2, 'boat'), (3, 'animal')`,
  routes: {
    'PUT /photos/:id/tags': async (knex, input) => {
      const { id, tags } = input as { id: number; tags: string[] }
      const photo = await knex('photos').where({ id }).first()
      if (!photo) return { status: 404 }
      await knex.transaction(async (trx) => {
        await trx('photo_tags').where({ photo_id: id }).del()
        if (tags.length) await trx('photo_tags').insert(tags.map((tag) => ({ photo_id: id, tag })))
      })
      return { status: 200 }
    },
  },
  traffic: [
    ['PUT /photos/:id/tags', { id: 1, tags: ['sky', 'evening'] }],
    ['PUT /photos/:id/tags', { id: 2, tags: [] }],
    ['PUT /photos/:id/tags', { id: 2, tags: ['boat', 'sea'] }],
    ['PUT /photos/:id/tags', { id: 9, tags: ['boat'] }],
    ['PUT /photos/:id/tags', { id: 3, tags: ['animal', 'cat', 'cute'] }],
    ['PUT /photos/:id/tags', { id: 1, tags: ['sky'] }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'set replaced by DELETE and INSERT',
      first: ['PUT /photos/:id/tags', { id: 3, tags: ['kitten', 'fluffy'] }],
      second: ['PUT /photos/:id/tags', { id: 3, tags: ['pet'] }],
    },
  ],
})

interface Review {
  id: number
  bookId: string
  stars: number
}

interface Book {
  id: string
  title: string
  starsTotal: number
  reviewCount: number
}

const ReviewEntity = new EntitySchema<Review>({
  name: 'Review',
  tableName: 'reviews',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    bookId: { name: 'book_id', type: 'text' },
    stars: { type: 'int' },
  },
})

const BookEntity = new EntitySchema<Book>({
  name: 'Book',
  tableName: 'books',
  columns: {
    id: { type: 'text', primary: true },
    title: { type: 'text' },
    starsTotal: { name: 'stars_total', type: 'int' },
    reviewCount: { name: 'review_count', type: 'int' },
  },
})

const recompute = typeormCase([ReviewEntity, BookEntity], {
  name: 'books: rating recomputed from all reviews by a subquery',
  schema: `create table books (id text primary key, title text not null, stars_total int not null default 0,
      review_count int not null default 0);
    create table reviews (id serial primary key, book_id text not null references books, stars int not null)`,
  seed: `insert into books values ('b-1', 'Tides', 4, 1), ('b-2', 'Stones', 0, 0), ('b-3', 'Winds', 5, 1);
    insert into reviews (book_id, stars) values ('b-1', 4), ('b-3', 5)`,
  routes: {
    'POST /books/:id/reviews': async (source, input) => {
      const { id, stars } = input as { id: string; stars: number }
      if (stars < 1 || stars > 5) return { status: 422 }
      const book = await source.getRepository(BookEntity).findOneBy({ id })
      if (!book) return { status: 404 }
      await source.transaction(async (manager) => {
        await manager.insert(ReviewEntity, { bookId: id, stars })
        await manager
          .createQueryBuilder()
          .update(BookEntity)
          .set({
            starsTotal: () => '(select sum(stars) from reviews where book_id = :id)',
            reviewCount: () => '(select count(*) from reviews where book_id = :id)',
          })
          .where('id = :id')
          .setParameters({ id })
          .execute()
      })
      return { status: 201 }
    },
  },
  traffic: [
    ['POST /books/:id/reviews', { id: 'b-1', stars: 3 }],
    ['POST /books/:id/reviews', { id: 'b-2', stars: 5 }],
    ['POST /books/:id/reviews', { id: 'b-2', stars: 9 }],
    ['POST /books/:id/reviews', { id: 'b-7', stars: 4 }],
    ['POST /books/:id/reviews', { id: 'b-1', stars: 5 }],
    ['POST /books/:id/reviews', { id: 'b-3', stars: 2 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'recomputed from a subquery',
      first: ['POST /books/:id/reviews', { id: 'b-3', stars: 1 }],
      second: ['POST /books/:id/reviews', { id: 'b-3', stars: 4 }],
    },
  ],
})

const notExists = pgCase({
  name: 'waitlist: INSERT … WHERE NOT EXISTS',
  schema: `create table waitlist (id bigserial primary key, show_id int not null, email text not null)`,
  seed: `insert into waitlist (show_id, email) values (1, 'ann@example.com'), (2, 'ann@example.com')`,
  routes: {
    'POST /shows/:id/waitlist': async (pool, input) => {
      const { id, email } = input as { id: number; email: string }
      const { rowCount } = await pool.query(
        `insert into waitlist (show_id, email) select $1, $2
         where not exists (select 1 from waitlist where show_id = $1 and email = $2)`,
        [id, email],
      )
      return { status: rowCount ? 201 : 200 }
    },
  },
  traffic: [
    ['POST /shows/:id/waitlist', { id: 1, email: 'bob@example.com' }],
    ['POST /shows/:id/waitlist', { id: 1, email: 'ann@example.com' }],
    ['POST /shows/:id/waitlist', { id: 2, email: 'cat@example.com' }],
    ['POST /shows/:id/waitlist', { id: 2, email: 'ann@example.com' }],
    ['POST /shows/:id/waitlist', { id: 3, email: 'ann@example.com' }],
    ['POST /shows/:id/waitlist', { id: 1, email: 'bob@example.com' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check, then insert, in one statement',
      first: ['POST /shows/:id/waitlist', { id: 3, email: 'dan@example.com' }],
      second: ['POST /shows/:id/waitlist', { id: 3, email: 'dan@example.com' }],
    },
  ],
})

const polls = pgTable('polls', {
  id: integer('id').primaryKey(),
  open: boolean('open').notNull(),
  total: integer('total'),
})

const votes = pgTable('votes', { pollId: integer('poll_id').notNull(), voter: text('voter').notNull() })

const poll = drizzleCase({
  name: 'poll: votes come in while it is closed',
  schema: `create table polls (id int primary key, open boolean not null default true, total int);
    create table votes (poll_id int references polls, voter text, primary key (poll_id, voter))`,
  seed: `insert into polls values (1, true, null), (2, false, 3), (3, true, null), (4, true, null);
    insert into votes values (1, 'u1'), (3, 'u1')`,
  routes: {
    'POST /polls/:id/votes': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id, voter } = input as { id: number; voter: string }
        const [found] = await tx.select().from(polls).where(eq(polls.id, id))
        if (!found) return { status: 404 }
        if (!found.open) return { status: 409 }
        await tx.insert(votes).values({ pollId: id, voter })
        return { status: 201 }
      }),
    'POST /polls/:id/close': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id } = input as { id: number }
        const [found] = await tx.select().from(polls).where(eq(polls.id, id))
        if (!found) return { status: 404 }
        if (!found.open) return { status: 409 }
        const [counted] = await tx
          .select({ n: sql<number>`count(*)::int` })
          .from(votes)
          .where(eq(votes.pollId, id))
        await tx
          .update(polls)
          .set({ open: false, total: counted?.n ?? 0 })
          .where(eq(polls.id, id))
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /polls/:id/votes', { id: 1, voter: 'u2' }],
    ['POST /polls/:id/votes', { id: 2, voter: 'u2' }],
    ['POST /polls/:id/votes', { id: 4, voter: 'u2' }],
    ['POST /polls/:id/votes', { id: 4, voter: 'u5' }],
    ['POST /polls/:id/close', { id: 4 }],
    ['POST /polls/:id/votes', { id: 4, voter: 'u6' }],
    ['POST /polls/:id/close', { id: 4 }],
    ['POST /polls/:id/close', { id: 1 }],
    ['POST /polls/:id/close', { id: 99 }],
    ['POST /polls/:id/votes', { id: 99, voter: 'u2' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'write skew across two routes and two tables',
      first: ['POST /polls/:id/votes', { id: 3, voter: 'u9' }],
      second: ['POST /polls/:id/close', { id: 3 }],
    },
  ],
})

const category = knexCase({
  name: 'catalogue: an empty category is deleted, a product is added to it',
  schema: `create table categories (id int primary key, name text not null);
    create table items (id serial primary key, category_id int not null, name text not null)`,
  seed: `insert into categories values (1, 'tools'), (2, 'toys'), (3, 'food'), (4, 'books');
    insert into items (category_id, name) values (1, 'hammer')`,
  routes: {
    'POST /categories/:id/items': async (knex, input) => {
      const category = await knex('categories').where({ id: input.id }).first()
      if (!category) return { status: 404 }
      await knex('items').insert({ category_id: category.id, name: input.name })
      return { status: 201 }
    },
    'DELETE /categories/:id': async (knex, input) => {
      const found = await knex('items').where({ category_id: input.id }).count({ items: '*' }).first()
      if (Number(found?.items) > 0) return { status: 409, body: { items: found?.items } }
      const deleted = await knex('categories').where({ id: input.id }).delete()
      return { status: deleted ? 204 : 404 }
    },
  },
  traffic: [
    ['POST /categories/:id/items', { id: 1, name: 'saw' }],
    ['DELETE /categories/:id', { id: 1 }],
    ['DELETE /categories/:id', { id: 2 }],
    ['POST /categories/:id/items', { id: 2, name: 'robot' }],
    ['POST /categories/:id/items', { id: 3, name: 'bread' }],
    ['DELETE /categories/:id', { id: 3 }],
    ['DELETE /categories/:id', { id: 2 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'parent deleted while a child is added',
      first: ['DELETE /categories/:id', { id: 4 }],
      second: ['POST /categories/:id/items', { id: 4, name: 'atlas' }],
    },
  ],
})

export const cases: ClashCase[] = [budget, tags, recompute, notExists, poll, category]
