import { desc, eq, sql } from 'drizzle-orm'
import { bigint, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { EntitySchema } from 'typeorm'
import { drizzleCase, typeormCase, type ClashCase } from '../../corpus.js'

interface Note {
  id: number
  title: string
  body: string
  pinned: boolean
}

const NoteEntity = new EntitySchema<Note>({
  name: 'Note',
  tableName: 'notes',
  columns: {
    id: { type: 'int', primary: true },
    title: { type: 'text' },
    body: { type: 'text' },
    pinned: { type: 'boolean' },
  },
})

const putNote = typeormCase([NoteEntity], {
  name: 'notes: PUT overwrites after a 404 check',
  schema: `create table notes (id int primary key, title text not null, body text not null, pinned boolean not null default false)`,
  seed: `insert into notes values (1, 'shopping', 'milk', false), (2, 'ideas', 'a boat', true), (3, 'diary', 'rain', false)`,
  routes: {
    'PUT /notes/:id': async (source, input) => {
      const { id, title, body } = input as { id: number; title: string; body: string }
      const notes = source.getRepository(NoteEntity)
      const note = await notes.findOneBy({ id })
      if (!note) return { status: 404 }
      await notes.update({ id: note.id }, { title, body })
      return { status: 200 }
    },
    'POST /notes/:id/pin': async (source, input) => {
      const { id } = input as { id: number }
      const notes = source.getRepository(NoteEntity)
      if (!(await notes.existsBy({ id }))) return { status: 404 }
      await notes.update(id, { pinned: true })
      return { status: 204 }
    },
  },
  traffic: [
    ['PUT /notes/:id', { id: 1, title: 'shopping', body: 'milk, bread' }],
    ['PUT /notes/:id', { id: 2, title: 'ideas', body: 'a raft' }],
    ['POST /notes/:id/pin', { id: 1 }],
    ['POST /notes/:id/pin', { id: 2 }],
    ['PUT /notes/:id', { id: 8, title: 'x', body: 'y' }],
    ['POST /notes/:id/pin', { id: 8 }],
    ['PUT /notes/:id', { id: 3, title: 'diary', body: 'sun' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'blind PUT after a 404 check',
      first: ['PUT /notes/:id', { id: 3, title: 'diary', body: 'fog' }],
      second: ['PUT /notes/:id', { id: 3, title: 'log', body: 'hail' }],
    },
    {
      label: 'safe',
      kind: 'different columns of one row',
      first: ['PUT /notes/:id', { id: 3, title: 'diary', body: 'fog' }],
      second: ['POST /notes/:id/pin', { id: 3 }],
    },
  ],
})

const articles = pgTable('articles', {
  id: bigint('id', { mode: 'number' }).primaryKey(),
  slug: text('slug').notNull(),
  body: text('body').notNull(),
  views: integer('views').notNull(),
  lastSeen: timestamp('last_seen', { withTimezone: true }),
})

const articleViews = drizzleCase({
  name: 'articles: views counted by the database',
  schema: `create table articles (id bigint primary key, slug text not null unique, body text not null,
    views int not null default 0, last_seen timestamptz)`,
  seed: `insert into articles values (1, 'hello', 'Hello.', 10), (2, 'draft', 'Soon.', 0), (3, 'news', 'Now.', 7)`,
  routes: {
    'GET /articles/:slug': async (db, input) => {
      const { slug } = input as { slug: string }
      const [article] = await db.select().from(articles).where(eq(articles.slug, slug))
      if (!article) return { status: 404 }
      await db
        .update(articles)
        .set({ views: sql`${articles.views} + 1`, lastSeen: new Date() })
        .where(eq(articles.id, article.id))
      return { status: 200, body: { ...article, views: article.views + 1 } }
    },
    'GET /articles': async (db) => {
      const popular = await db.select().from(articles).orderBy(desc(articles.views)).limit(10)
      return { status: 200, body: popular }
    },
  },
  traffic: [
    ['GET /articles', {}],
    ['GET /articles/:slug', { slug: 'hello' }],
    ['GET /articles/:slug', { slug: 'hello' }],
    ['GET /articles/:slug', { slug: 'news' }],
    ['GET /articles/:slug', { slug: 'nothing' }],
    ['GET /articles', {}],
    ['GET /articles/:slug', { slug: 'draft' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'view counter',
      first: ['GET /articles/:slug', { slug: 'news' }],
      second: ['GET /articles/:slug', { slug: 'news' }],
    },
  ],
})

export const cases: ClashCase[] = [putNote, articleViews]
