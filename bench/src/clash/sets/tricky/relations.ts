import { sql } from 'kysely'
import { kyselyCase, type ClashCase } from '../../corpus.js'
import { readSqlState } from './transaction.js'

interface Social {
  requests: { sender: string; receiver: string; accepted: boolean }
  friendships: { low: string; high: string; asked_by: string; accepted: boolean }
}

interface Work {
  projects: { id: number; state: string }
  tasks: { project_id: number; title: string; done: boolean }
}

interface Catalogue {
  categories: { id: number; name: string }
  products: { sku: string; category_id: number }
  gadgets: { sku: string; category_id: number }
}

interface Events {
  events: { id: number; seats: number }
  attendees: { event_id: number; person: string }
  waiting: { event_id: number; person: string; since: Date }
}

interface Blog {
  authors: { id: number; name: string }
  articles: { id: number; author_id: number; author_name: string; title: string }
}

/** Kysely: rules between rows of several tables. */
export const cases: ClashCase[] = [
  kyselyCase<Social>({
    name: 'friends who ask each other',
    schema: `
      create table requests (sender text not null, receiver text not null, accepted boolean not null default false,
        primary key (sender, receiver));
      create table friendships (low text not null, high text not null, asked_by text not null,
        accepted boolean not null default false, primary key (low, high), check (low < high))`,
    seed: `
      insert into requests values ('gus', 'ida', false), ('jon', 'ida', true);
      insert into friendships values ('gus', 'ida', 'gus', false)`,
    routes: {
      ask: async (db, input) => {
        const { me, you } = input as { me: string; you: string }
        return await db.transaction().execute(async (trx) => {
          const reverse = await trx
            .selectFrom('requests')
            .selectAll()
            .where('sender', '=', you)
            .where('receiver', '=', me)
            .forUpdate()
            .executeTakeFirst()
          if (reverse) {
            await trx
              .updateTable('requests')
              .set({ accepted: true })
              .where('sender', '=', you)
              .where('receiver', '=', me)
              .execute()
            return { status: 200 }
          }
          await trx
            .insertInto('requests')
            .values({ sender: me, receiver: you, accepted: false })
            .onConflict((conflict) => conflict.doNothing())
            .execute()
          return { status: 202 }
        })
      },
      befriend: async (db, input) => {
        const { me, you } = input as { me: string; you: string }
        const [low, high] = me < you ? [me, you] : [you, me]
        const row = await db
          .insertInto('friendships')
          .values({ low, high, asked_by: me, accepted: false })
          .onConflict((conflict) =>
            conflict.columns(['low', 'high']).doUpdateSet({
              accepted: sql<boolean>`friendships.accepted or friendships.asked_by <> excluded.asked_by`,
            }),
          )
          .returning('accepted')
          .executeTakeFirstOrThrow()
        return { status: row.accepted ? 200 : 202 }
      },
    },
    traffic: [
      ['ask', { me: 'ida', you: 'gus' }],
      ['ask', { me: 'eva', you: 'gus' }],
      ['ask', { me: 'eva', you: 'gus' }],
      ['befriend', { me: 'ida', you: 'gus' }],
      ['befriend', { me: 'eva', you: 'gus' }],
      ['befriend', { me: 'eva', you: 'gus' }],
      ['befriend', { me: 'gus', you: 'eva' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'the reverse row, which is not there to be locked',
        first: ['ask', { me: 'amy', you: 'bo' }],
        second: ['ask', { me: 'bo', you: 'amy' }],
      },
      {
        label: 'safe',
        kind: 'one key for both directions',
        first: ['befriend', { me: 'amy', you: 'bo' }],
        second: ['befriend', { me: 'bo', you: 'amy' }],
      },
      {
        label: 'safe',
        kind: 'the same request twice',
        first: ['ask', { me: 'amy', you: 'bo' }],
        second: ['ask', { me: 'amy', you: 'bo' }],
      },
    ],
  }),

  kyselyCase<Work>({
    name: 'projects close when their tasks are done',
    schema: `
      create table projects (id integer primary key, state text not null);
      create table tasks (project_id integer not null references projects (id), title text not null,
        done boolean not null default false)`,
    seed: `
      insert into projects values (1, 'open'), (2, 'open'), (3, 'closed'), (4, 'open'), (5, 'open');
      insert into tasks values (1, 'paint', true), (2, 'saw', false)`,
    routes: {
      // The key of the parent is locked by the foreign key, but after the parent's state has been read.
      addTask: async (db, input) => {
        const { project, title } = input as { project: number; title: string }
        const found = await db.selectFrom('projects').select('state').where('id', '=', project).executeTakeFirst()
        if (!found) return { status: 404 }
        if (found.state !== 'open') return { status: 409 }
        await db.insertInto('tasks').values({ project_id: project, title, done: false }).execute()
        return { status: 201 }
      },
      // The foreign key's lock is what it needs: insert, then look, under the lock.
      planTask: async (db, input) => {
        const { project, title } = input as { project: number; title: string }
        try {
          return await db.transaction().execute(async (trx) => {
            await trx.insertInto('tasks').values({ project_id: project, title, done: false }).execute()
            const { state } = await trx
              .selectFrom('projects')
              .select('state')
              .where('id', '=', project)
              .executeTakeFirstOrThrow()
            if (state !== 'open') throw Object.assign(new Error('closed'), { code: 'CLOSED' })
            return { status: 201 }
          })
        } catch (error) {
          if (readSqlState(error) === 'CLOSED') return { status: 409 }
          if (readSqlState(error) === '23503') return { status: 404 }
          throw error
        }
      },
      close: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const project = await trx
            .selectFrom('projects')
            .select(['id', 'state'])
            .where('id', '=', Number(input.project))
            .forUpdate()
            .executeTakeFirst()
          if (!project) return { status: 404 }
          const open = await trx
            .selectFrom('tasks')
            .select((eb) => eb.fn.countAll<string>().as('left'))
            .where('project_id', '=', project.id)
            .where('done', '=', false)
            .executeTakeFirstOrThrow()
          if (Number(open.left) > 0) return { status: 409 }
          await trx.updateTable('projects').set({ state: 'closed' }).where('id', '=', project.id).execute()
          return { status: 200 }
        }),
    },
    traffic: [
      ['addTask', { project: 2, title: 'drill' }],
      ['planTask', { project: 2, title: 'glue' }],
      ['close', { project: 2 }],
      ['close', { project: 4 }],
      ['addTask', { project: 4, title: 'late' }],
      ['planTask', { project: 4, title: 'late' }],
      ['addTask', { project: 9, title: 'x' }],
      ['planTask', { project: 9, title: 'x' }],
      ['close', { project: 9 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'only the one who closes takes the lock',
        first: ['addTask', { project: 1, title: 'dust' }],
        second: ['close', { project: 1 }],
      },
      {
        label: 'safe',
        kind: 'the lock of the foreign key, state read after it',
        first: ['planTask', { project: 1, title: 'dust' }],
        second: ['close', { project: 1 }],
      },
    ],
  }),

  kyselyCase<Catalogue>({
    name: 'categories deleted when nothing is in them',
    schema: `
      create table categories (id integer primary key, name text not null);
      create table products (sku text primary key, category_id integer not null);
      create table gadgets (sku text primary key, category_id integer not null references categories (id))`,
    seed: `
      insert into categories values (1, 'toys'), (2, 'food'), (3, 'misc'), (4, 'rare');
      insert into products values ('p1', 2);
      insert into gadgets values ('g1', 2)`,
    routes: {
      addProduct: async (db, input) => {
        const { sku, category } = input as { sku: string; category: number }
        const found = await db.selectFrom('categories').select('id').where('id', '=', category).executeTakeFirst()
        if (!found) return { status: 422 }
        await db.insertInto('products').values({ sku, category_id: found.id }).execute()
        return { status: 201 }
      },
      addGadget: async (db, input) => {
        const { sku, category } = input as { sku: string; category: number }
        const found = await db.selectFrom('categories').select('id').where('id', '=', category).executeTakeFirst()
        if (!found) return { status: 422 }
        try {
          await db.insertInto('gadgets').values({ sku, category_id: found.id }).execute()
        } catch (error) {
          if (readSqlState(error) === '23503') return { status: 422 }
          throw error
        }
        return { status: 201 }
      },
      drop: async (db, input) => {
        const id = Number(input.category)
        try {
          const result = await db
            .deleteFrom('categories')
            .where('id', '=', id)
            .where((eb) =>
              eb.not(eb.exists(eb.selectFrom('products').select('sku').whereRef('category_id', '=', 'categories.id'))),
            )
            .executeTakeFirst()
          return { status: result.numDeletedRows > 0n ? 204 : 409 }
        } catch (error) {
          if (readSqlState(error) === '23503') return { status: 409 }
          throw error
        }
      },
    },
    traffic: [
      ['addProduct', { sku: 'p2', category: 2 }],
      ['addGadget', { sku: 'g2', category: 2 }],
      ['drop', { category: 2 }],
      ['drop', { category: 3 }],
      ['addProduct', { sku: 'p3', category: 3 }],
      ['addGadget', { sku: 'g3', category: 3 }],
      ['addGadget', { sku: 'g4', category: 4 }],
      ['drop', { category: 4 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'NOT EXISTS in the delete, no foreign key',
        first: ['addProduct', { sku: 'p8', category: 1 }],
        second: ['drop', { category: 1 }],
      },
      {
        label: 'safe',
        kind: 'check in the code, the foreign key decides',
        first: ['addGadget', { sku: 'g8', category: 1 }],
        second: ['drop', { category: 1 }],
      },
    ],
  }),

  kyselyCase<Events>({
    name: 'the waiting list of an event',
    schema: `
      create table events (id integer primary key, seats integer not null);
      create table attendees (event_id integer not null, person text not null, primary key (event_id, person));
      create table waiting (event_id integer not null, person text not null, since timestamptz not null default now(),
        primary key (event_id, person))`,
    seed: `
      insert into events values (1, 1), (2, 2), (3, 1);
      insert into attendees values (1, 'ann'), (3, 'ann');
      insert into waiting (event_id, person) values (3, 'ben')`,
    routes: {
      join: async (db, input) => {
        const { event, person } = input as { event: number; person: string }
        const row = await db
          .selectFrom('events as e')
          .leftJoin('attendees as a', 'a.event_id', 'e.id')
          .select((eb) => ['e.seats', eb.fn.count('a.person').as('taken')])
          .where('e.id', '=', event)
          .groupBy('e.seats')
          .executeTakeFirst()
        if (!row) return { status: 404 }
        const full = Number(row.taken) >= row.seats
        if (full)
          await sql`insert into waiting (event_id, person) values (${event}, ${person}) on conflict do nothing`.execute(
            db,
          )
        else
          await db
            .insertInto('attendees')
            .values({ event_id: event, person })
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        return { status: full ? 202 : 201 }
      },
      leave: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { event, person } = input as { event: number; person: string }
          const left = await trx
            .deleteFrom('attendees')
            .where('event_id', '=', event)
            .where('person', '=', person)
            .executeTakeFirst()
          if (left.numDeletedRows === 0n) return { status: 404 }
          const next = await trx
            .selectFrom('waiting')
            .select('person')
            .where('event_id', '=', event)
            .orderBy('since')
            .limit(1)
            .forUpdate()
            .executeTakeFirst()
          if (next) {
            await trx.deleteFrom('waiting').where('event_id', '=', event).where('person', '=', next.person).execute()
            await trx.insertInto('attendees').values({ event_id: event, person: next.person }).execute()
          }
          return { status: 204 }
        }),
    },
    traffic: [
      ['join', { event: 2, person: 'cat' }],
      ['join', { event: 2, person: 'dan' }],
      ['join', { event: 2, person: 'eve' }],
      ['leave', { event: 2, person: 'cat' }],
      ['leave', { event: 2, person: 'cat' }],
      ['join', { event: 9, person: 'cat' }],
      ['leave', { event: 2, person: 'dan' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'told to wait while the seat becomes free',
        first: ['join', { event: 1, person: 'zed' }],
        second: ['leave', { event: 1, person: 'ann' }],
      },
      {
        label: 'safe',
        kind: 'deleted rows are counted',
        first: ['leave', { event: 3, person: 'ann' }],
        second: ['leave', { event: 3, person: 'ann' }],
      },
    ],
  }),

  kyselyCase<Blog>({
    name: 'the name of the author is copied to articles',
    schema: `
      create table authors (id integer primary key, name text not null);
      create table articles (id integer primary key, author_id integer not null, author_name text not null, title text not null)`,
    seed: `
      insert into authors values (1, 'Old Name'), (2, 'Pen'), (3, 'Ink');
      insert into articles values (1, 1, 'Old Name', 'one'), (2, 2, 'Pen', 'two')`,
    routes: {
      publish: async (db, input) => {
        const { id, author, title } = input as { id: number; author: number; title: string }
        const writer = await db.selectFrom('authors').selectAll().where('id', '=', author).executeTakeFirst()
        if (!writer) return { status: 404 }
        await db.insertInto('articles').values({ id, author_id: writer.id, author_name: writer.name, title }).execute()
        return { status: 201 }
      },
      post: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { id, author, title } = input as { id: number; author: number; title: string }
          const writer = await trx
            .selectFrom('authors')
            .selectAll()
            .where('id', '=', author)
            .forShare()
            .executeTakeFirst()
          if (!writer) return { status: 404 }
          await trx
            .insertInto('articles')
            .values({ id, author_id: writer.id, author_name: writer.name, title })
            .execute()
          return { status: 201 }
        }),
      rename: async (db, input) =>
        await db.transaction().execute(async (trx) => {
          const { author: id, name } = input as { author: number; name: string }
          const renamed = await trx.updateTable('authors').set({ name }).where('id', '=', id).executeTakeFirst()
          if (renamed.numUpdatedRows === 0n) return { status: 404 }
          await trx.updateTable('articles').set({ author_name: name }).where('author_id', '=', id).execute()
          return { status: 200 }
        }),
    },
    traffic: [
      ['publish', { id: 10, author: 2, title: 'ten' }],
      ['post', { id: 11, author: 2, title: 'eleven' }],
      ['rename', { author: 2, name: 'Quill' }],
      ['publish', { id: 12, author: 9, title: 'none' }],
      ['post', { id: 13, author: 9, title: 'none' }],
      ['rename', { author: 9, name: 'none' }],
      ['post', { id: 14, author: 3, title: 'ink' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'copy of a value that is being changed everywhere',
        first: ['publish', { id: 20, author: 1, title: 'x' }],
        second: ['rename', { author: 1, name: 'New Name' }],
      },
      {
        label: 'safe',
        kind: 'FOR SHARE of the source until the copy is there',
        first: ['post', { id: 20, author: 1, title: 'x' }],
        second: ['rename', { author: 1, name: 'New Name' }],
      },
      {
        label: 'safe',
        kind: 'both change everything, the first row locks',
        first: ['rename', { author: 1, name: 'New Name' }],
        second: ['rename', { author: 1, name: 'Newer Name' }],
      },
    ],
  }),
]
