import { and, eq, isNull, sql } from 'drizzle-orm'
import { boolean, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { drizzleCase, type ClashCase } from '../../corpus.js'

interface Line {
  sku: string
  qty: number
}

const carts = pgTable('carts', {
  id: uuid('id').primaryKey(),
  lines: jsonb('lines').$type<Line[]>().notNull(),
  seenAt: timestamp('seen_at', { withTimezone: true }),
})

const posts = pgTable('posts', {
  id: integer('id').primaryKey(),
  title: text('title').notNull(),
  locked: boolean('locked').notNull(),
  deletedAt: timestamp('deleted_at'),
})
const replies = pgTable('replies', {
  postId: integer('post_id').notNull(),
  body: text('body').notNull(),
  deletedAt: timestamp('deleted_at'),
})

const notes = pgTable('notes', {
  id: text('id').primaryKey(),
  tags: text('tags').array().notNull(),
  body: text('body').notNull(),
  version: integer('version').notNull(),
})

const docs = pgTable('docs', { id: integer('id').primaryKey(), title: text('title').notNull() })
const labels = pgTable('labels', { docId: integer('doc_id').notNull(), label: text('label').notNull() })

/** Drizzle: documents rewritten whole, versions, soft deletes, sets replaced. */
export const cases: ClashCase[] = [
  drizzleCase({
    name: 'cart lines in one jsonb',
    schema: `create table carts (id uuid primary key, lines jsonb not null, seen_at timestamptz)`,
    seed: `insert into carts (id, lines) values
      ('10000000-0000-4000-8000-000000000001', '[{"sku":"pen","qty":1}]'),
      ('10000000-0000-4000-8000-000000000002', '[]'),
      ('10000000-0000-4000-8000-000000000003', '[{"sku":"cup","qty":2}]')`,
    routes: {
      addLine: async (db, input) => {
        const { cart: id, sku, qty } = input as { cart: string; sku: string; qty: number }
        const [cart] = await db.select().from(carts).where(eq(carts.id, id))
        if (!cart) return { status: 404 }
        const known = cart.lines.find((line) => line.sku === sku)
        const lines = known
          ? cart.lines.map((line) => (line === known ? { sku, qty: line.qty + qty } : line))
          : [...cart.lines, { sku, qty }]
        await db.update(carts).set({ lines }).where(eq(carts.id, id))
        return { status: 200, body: lines }
      },
      append: async (db, input) => {
        const { cart: id, sku, qty } = input as { cart: string; sku: string; qty: number }
        const line = JSON.stringify([{ sku, qty }])
        const changed = await db
          .update(carts)
          .set({ lines: sql`${carts.lines} || ${line}::jsonb` })
          .where(eq(carts.id, id))
          .returning({ lines: carts.lines })
        return changed.length === 1 ? { status: 200, body: changed[0]?.lines } : { status: 404 }
      },
      // Loads the whole document, writes another column.
      show: async (db, input) => {
        const id = String(input.cart)
        const [cart] = await db.select().from(carts).where(eq(carts.id, id))
        if (!cart) return { status: 404 }
        await db.update(carts).set({ seenAt: new Date() }).where(eq(carts.id, id))
        return { status: 200, body: { lines: cart.lines, pieces: cart.lines.reduce((sum, { qty }) => sum + qty, 0) } }
      },
    },
    traffic: [
      ['addLine', { cart: '10000000-0000-4000-8000-000000000002', sku: 'pen', qty: 1 }],
      ['addLine', { cart: '10000000-0000-4000-8000-000000000002', sku: 'pen', qty: 2 }],
      ['append', { cart: '10000000-0000-4000-8000-000000000003', sku: 'ink', qty: 1 }],
      ['show', { cart: '10000000-0000-4000-8000-000000000003' }],
      ['show', { cart: '10000000-0000-4000-8000-000000000009' }],
      ['append', { cart: '10000000-0000-4000-8000-000000000009', sku: 'ink', qty: 1 }],
      ['addLine', { cart: '10000000-0000-4000-8000-000000000009', sku: 'ink', qty: 1 }],
      ['show', { cart: '10000000-0000-4000-8000-000000000002' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'document read, changed and written whole',
        first: ['addLine', { cart: '10000000-0000-4000-8000-000000000001', sku: 'ink', qty: 1 }],
        second: ['addLine', { cart: '10000000-0000-4000-8000-000000000001', sku: 'cup', qty: 4 }],
      },
      {
        label: 'clash',
        kind: 'document written whole against an atomic append',
        first: ['addLine', { cart: '10000000-0000-4000-8000-000000000001', sku: 'ink', qty: 1 }],
        second: ['append', { cart: '10000000-0000-4000-8000-000000000001', sku: 'cup', qty: 4 }],
      },
      {
        label: 'safe',
        kind: 'read for display, timestamp written',
        first: ['addLine', { cart: '10000000-0000-4000-8000-000000000001', sku: 'ink', qty: 1 }],
        second: ['show', { cart: '10000000-0000-4000-8000-000000000001' }],
      },
    ],
  }),

  drizzleCase({
    name: 'replies to posts that are deleted softly',
    schema: `
      create table posts (id integer primary key, title text not null, locked boolean not null default false,
        deleted_at timestamp);
      create table replies (post_id integer not null, body text not null, deleted_at timestamp)`,
    seed: `
      insert into posts (id, title, locked) values (1, 'one', false), (2, 'two', false), (3, 'three', true), (4, 'four', false);
      insert into replies (post_id, body) values (1, 'first'), (2, 'also first')`,
    routes: {
      reply: async (db, input) => {
        const [post] = await db
          .select({ locked: posts.locked })
          .from(posts)
          .where(and(eq(posts.id, Number(input.post)), isNull(posts.deletedAt)))
        if (!post) return { status: 404 }
        if (post.locked) return { status: 403 }
        await db.insert(replies).values({ postId: Number(input.post), body: String(input.body) })
        return { status: 201 }
      },
      hide: async (db, input) => {
        const hidden = await db
          .update(posts)
          .set({ deletedAt: sql`now()` })
          .where(and(eq(posts.id, Number(input.post)), isNull(posts.deletedAt)))
          .returning({ id: posts.id })
        return { status: hidden.length === 1 ? 204 : 404 }
      },
      remove: async (db, input) =>
        await db.transaction(async (tx) => {
          const removed = await tx
            .update(posts)
            .set({ deletedAt: sql`now()` })
            .where(and(eq(posts.id, Number(input.post)), isNull(posts.deletedAt)))
            .returning({ id: posts.id })
          if (removed.length === 0) return { status: 404 }
          await tx
            .update(replies)
            .set({ deletedAt: sql`now()` })
            .where(eq(replies.postId, Number(input.post)))
          return { status: 204 }
        }),
    },
    traffic: [
      ['reply', { post: 2, body: 'hello' }],
      ['reply', { post: 3, body: 'hello' }],
      ['remove', { post: 2 }],
      ['reply', { post: 2, body: 'late' }],
      ['remove', { post: 2 }],
      ['hide', { post: 4 }],
      ['hide', { post: 4 }],
      ['reply', { post: 1, body: 'second' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'child added while the parent is deleted with its children',
        first: ['reply', { post: 1, body: 'x' }],
        second: ['remove', { post: 1 }],
      },
      {
        label: 'safe',
        kind: 'child added while only the parent is hidden: as if it came before',
        first: ['reply', { post: 1, body: 'x' }],
        second: ['hide', { post: 1 }],
      },
      {
        label: 'safe',
        kind: 'conditional soft delete',
        first: ['remove', { post: 1 }],
        second: ['remove', { post: 1 }],
      },
    ],
  }),

  drizzleCase({
    name: 'notes with a version',
    schema: `create table notes (id text primary key, tags text[] not null, body text not null, version integer not null)`,
    seed: `insert into notes values ('n1', '{a}', 'one', 1), ('n2', '{}', 'two', 4), ('n3', '{b,c}', 'three', 9)`,
    routes: {
      tag: async (db, input) => {
        const { id, tag } = input as { id: string; tag: string }
        return await db.transaction(async (tx) => {
          const [note] = await tx.select().from(notes).where(eq(notes.id, id)).limit(1)
          if (!note) return { status: 404 }
          await tx
            .update(notes)
            .set({ tags: [...new Set([...note.tags, tag])], version: note.version + 1 })
            .where(eq(notes.id, note.id))
          return { status: 200 }
        })
      },
      label: async (db, input) => {
        const { id, tag } = input as { id: string; tag: string }
        for (;;) {
          const [note] = await db.select().from(notes).where(eq(notes.id, id)).limit(1)
          if (!note) return { status: 404 }
          const written = await db
            .update(notes)
            .set({ tags: [...new Set([...note.tags, tag])].sort(), version: note.version + 1 })
            .where(and(eq(notes.id, id), eq(notes.version, note.version)))
            .returning({ version: notes.version })
          if (written[0]) return { status: 200, body: written[0] }
        }
      },
      put: async (db, input) => {
        const { id, body, version } = input as { id: string; body: string; version: number }
        const [note] = await db.select({ version: notes.version }).from(notes).where(eq(notes.id, id))
        if (!note) return { status: 404 }
        if (note.version !== version) return { status: 412 }
        const written = await db
          .update(notes)
          .set({ body, version: version + 1 })
          .where(and(eq(notes.id, id), eq(notes.version, version)))
        return { status: written.rowCount === 1 ? 200 : 412 }
      },
    },
    traffic: [
      ['tag', { id: 'n2', tag: 'x' }],
      ['label', { id: 'n2', tag: 'y' }],
      ['put', { id: 'n2', version: 6, body: 'deux' }],
      ['put', { id: 'n2', version: 6, body: 'zwei' }],
      ['put', { id: 'n9', version: 1, body: '' }],
      ['tag', { id: 'n9', tag: 'x' }],
      ['label', { id: 'n9', tag: 'x' }],
      ['put', { id: 'n3', version: 9, body: 'trois' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'version bumped, not compared',
        first: ['tag', { id: 'n1', tag: 'b' }],
        second: ['tag', { id: 'n1', tag: 'c' }],
      },
      {
        label: 'safe',
        kind: 'version compared, tried again',
        first: ['label', { id: 'n1', tag: 'b' }],
        second: ['label', { id: 'n1', tag: 'c' }],
      },
      {
        label: 'safe',
        kind: 'version of the request compared twice',
        first: ['put', { id: 'n1', version: 1, body: 'uno' }],
        second: ['put', { id: 'n1', version: 1, body: 'un' }],
      },
    ],
  }),

  drizzleCase({
    name: 'labels of a document replaced as a set',
    schema: `
      create table docs (id integer primary key, title text not null);
      create table labels (doc_id integer not null references docs (id), label text not null, primary key (doc_id, label))`,
    seed: `
      insert into docs values (1, 'plan'), (2, 'memo'), (3, 'bill');
      insert into labels values (1, 'old'), (2, 'red'), (3, 'due')`,
    routes: {
      replace: async (db, input) => {
        const { doc, names } = input as { doc: number; names: string[] }
        return await db.transaction(async (tx) => {
          const [found] = await tx.select({ id: docs.id }).from(docs).where(eq(docs.id, doc))
          if (!found) return { status: 404 }
          await tx.delete(labels).where(eq(labels.docId, doc))
          if (names.length > 0) await tx.insert(labels).values(names.map((label) => ({ docId: doc, label })))
          return { status: 204 }
        })
      },
      set: async (db, input) => {
        const { doc, names } = input as { doc: number; names: string[] }
        return await db.transaction(async (tx) => {
          const [found] = await tx.select({ id: docs.id }).from(docs).where(eq(docs.id, doc)).for('update')
          if (!found) return { status: 404 }
          await tx.delete(labels).where(eq(labels.docId, doc))
          if (names.length > 0) await tx.insert(labels).values(names.map((label) => ({ docId: doc, label })))
          return { status: 204 }
        })
      },
    },
    traffic: [
      ['replace', { doc: 2, names: ['red', 'blue'] }],
      ['set', { doc: 2, names: ['green'] }],
      ['replace', { doc: 9, names: ['red'] }],
      ['set', { doc: 9, names: ['red'] }],
      ['set', { doc: 3, names: [] }],
      ['replace', { doc: 3, names: ['paid'] }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'delete all and insert: the second does not see what the first has inserted',
        first: ['replace', { doc: 1, names: ['x'] }],
        second: ['replace', { doc: 1, names: ['y'] }],
      },
      {
        label: 'safe',
        kind: 'parent locked before the set is replaced',
        first: ['set', { doc: 1, names: ['x'] }],
        second: ['set', { doc: 1, names: ['y'] }],
      },
    ],
  }),
]
