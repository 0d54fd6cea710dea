import { and, asc, count, eq, sql } from 'drizzle-orm'
import { bigint, bigserial, integer, pgTable, primaryKey, serial, text } from 'drizzle-orm/pg-core'
import { type ClashCase, drizzleCase } from '../../corpus.js'

const posts = pgTable('posts', {
  id: integer().primaryKey(),
  title: text().notNull(),
  likesCount: integer('likes_count').notNull().default(0),
})
const likes = pgTable(
  'likes',
  { postId: integer('post_id').notNull(), userId: integer('user_id').notNull() },
  (table) => [primaryKey({ columns: [table.postId, table.userId] })],
)

const liking = drizzleCase({
  name: 'idioms drizzle likes',
  schema: `
    create table posts (id int primary key, title text not null, likes_count int not null default 0);
    create table likes (
      post_id int not null references posts,
      user_id int not null,
      primary key (post_id, user_id)
    )`,
  seed: `
    insert into posts values (1, 'hello', 1), (2, 'news', 0), (3, 'recipe', 2);
    insert into likes values (1, 1), (3, 1), (3, 2)`,
  routes: {
    'POST /posts/:id/like': async (db, input) => {
      const { id, userId } = input as { id: number; userId: number }
      const [post] = await db.select().from(posts).where(eq(posts.id, id))
      if (!post) return { status: 404 }
      const [liked] = await db
        .select()
        .from(likes)
        .where(and(eq(likes.postId, id), eq(likes.userId, userId)))
      if (liked) return { status: 409 }
      await db.transaction(async (tx) => {
        await tx.insert(likes).values({ postId: id, userId })
        await tx
          .update(posts)
          .set({ likesCount: post.likesCount + 1 })
          .where(eq(posts.id, id))
      })
      return { status: 201 }
    },
    'POST /v2/posts/:id/like': async (db, input) => {
      const { id, userId } = input as { id: number; userId: number }
      return await db.transaction(async (tx) => {
        const inserted = await tx.insert(likes).values({ postId: id, userId }).onConflictDoNothing().returning()
        if (inserted.length === 0) return { status: 200 }
        await tx
          .update(posts)
          .set({ likesCount: sql`${posts.likesCount} + 1` })
          .where(eq(posts.id, id))
        return { status: 201 }
      })
    },
    'DELETE /v2/posts/:id/like': async (db, input) => {
      const { id, userId } = input as { id: number; userId: number }
      await db.transaction(async (tx) => {
        const removed = await tx
          .delete(likes)
          .where(and(eq(likes.postId, id), eq(likes.userId, userId)))
          .returning()
        if (!removed.length) return
        await tx
          .update(posts)
          .set({ likesCount: sql`${posts.likesCount} - 1` })
          .where(eq(posts.id, id))
      })
      return { status: 204 }
    },
    'POST /posts/:id/toggle-like': async (db, input) => {
      const { id, userId } = input as { id: number; userId: number }
      const mine = and(eq(likes.postId, id), eq(likes.userId, userId))
      const [liked] = await db.select().from(likes).where(mine).limit(1)
      if (liked) await db.delete(likes).where(mine)
      else await db.insert(likes).values({ postId: id, userId })
      return { status: 200, body: { liked: !liked } }
    },
  },
  traffic: [
    ['POST /posts/:id/like', { id: 2, userId: 3 }],
    ['POST /posts/:id/like', { id: 3, userId: 1 }],
    ['POST /posts/:id/like', { id: 30, userId: 1 }],
    ['POST /posts/:id/like', { id: 3, userId: 4 }],
    ['POST /v2/posts/:id/like', { id: 1, userId: 2 }],
    ['POST /v2/posts/:id/like', { id: 1, userId: 1 }],
    ['POST /v2/posts/:id/like', { id: 2, userId: 2 }],
    ['DELETE /v2/posts/:id/like', { id: 2, userId: 2 }],
    ['DELETE /v2/posts/:id/like', { id: 2, userId: 9 }],
    ['POST /posts/:id/toggle-like', { id: 3, userId: 2 }],
    ['POST /posts/:id/toggle-like', { id: 2, userId: 5 }],
    ['POST /posts/:id/toggle-like', { id: 2, userId: 5 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'counter computed in JavaScript',
      first: ['POST /posts/:id/like', { id: 1, userId: 5 }],
      second: ['POST /posts/:id/like', { id: 1, userId: 6 }],
    },
    {
      label: 'safe',
      kind: 'on conflict do nothing, then an increment',
      first: ['POST /v2/posts/:id/like', { id: 1, userId: 5 }],
      second: ['POST /v2/posts/:id/like', { id: 1, userId: 5 }],
    },
    {
      label: 'safe',
      kind: 'decrement only by the one who deleted',
      first: ['DELETE /v2/posts/:id/like', { id: 3, userId: 1 }],
      second: ['DELETE /v2/posts/:id/like', { id: 3, userId: 1 }],
    },
    {
      label: 'clash',
      kind: 'toggle of a row that exists',
      first: ['POST /posts/:id/toggle-like', { id: 1, userId: 1 }],
      second: ['POST /posts/:id/toggle-like', { id: 1, userId: 1 }],
    },
    {
      label: 'safe',
      kind: 'toggle of a row that is missing: the primary key refuses the second',
      first: ['POST /posts/:id/toggle-like', { id: 2, userId: 1 }],
      second: ['POST /posts/:id/toggle-like', { id: 2, userId: 1 }],
    },
  ],
})

const documents = pgTable('documents', {
  id: text().primaryKey(),
  body: text().notNull(),
  version: integer().notNull().default(1),
})
const revisions = pgTable('revisions', {
  id: bigserial({ mode: 'number' }).primaryKey(),
  documentId: text('document_id').notNull(),
  version: integer().notNull(),
  body: text().notNull(),
})

const editing = drizzleCase({
  name: 'idioms drizzle documents',
  schema: `
    create table documents (id text primary key, body text not null, version int not null default 1);
    create table revisions (
      id bigserial primary key,
      document_id text not null references documents,
      version int not null,
      body text not null
    )`,
  seed: `insert into documents values ('readme', 'hi', 3), ('plan', 'todo', 1), ('notes', '', 7)`,
  routes: {
    'PUT /documents/:id': async (db, input) => {
      const { id, body, version } = input as { id: string; body: string; version: number }
      const [document] = await db.select().from(documents).where(eq(documents.id, id))
      if (!document) return { status: 404 }
      if (document.version !== version) return { status: 409, body: { version: document.version } }
      await db.transaction(async (tx) => {
        await tx.insert(revisions).values({ documentId: id, version: document.version, body: document.body })
        await tx
          .update(documents)
          .set({ body, version: document.version + 1 })
          .where(eq(documents.id, id))
      })
      return { status: 200 }
    },
    'PUT /v2/documents/:id': async (db, input) => {
      const { id, body, version } = input as { id: string; body: string; version: number }
      const [document] = await db.select().from(documents).where(eq(documents.id, id))
      if (!document) return { status: 404 }
      return await db.transaction(async (tx) => {
        const saved = await tx
          .update(documents)
          .set({ body, version: version + 1 })
          .where(and(eq(documents.id, id), eq(documents.version, version)))
          .returning({ version: documents.version })
        if (!saved[0]) return { status: 409 }
        await tx.insert(revisions).values({ documentId: id, version, body })
        return { status: 200, body: saved[0] }
      })
    },
  },
  traffic: [
    ['PUT /documents/:id', { id: 'plan', body: 'do it', version: 1 }],
    ['PUT /documents/:id', { id: 'plan', body: 'do it now', version: 1 }],
    ['PUT /documents/:id', { id: 'lost', body: '', version: 1 }],
    ['PUT /documents/:id', { id: 'notes', body: 'n', version: 7 }],
    ['PUT /v2/documents/:id', { id: 'plan', body: 'done', version: 2 }],
    ['PUT /v2/documents/:id', { id: 'notes', body: 'nn', version: 7 }],
    ['PUT /v2/documents/:id', { id: 'notes', body: 'nn', version: 8 }],
    ['PUT /v2/documents/:id', { id: 'lost', body: '', version: 1 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'version compared in JavaScript only',
      first: ['PUT /documents/:id', { id: 'readme', body: 'from ada', version: 3 }],
      second: ['PUT /documents/:id', { id: 'readme', body: 'from bob', version: 3 }],
    },
    {
      label: 'safe',
      kind: 'version compared in the update',
      first: ['PUT /v2/documents/:id', { id: 'readme', body: 'from ada', version: 3 }],
      second: ['PUT /v2/documents/:id', { id: 'readme', body: 'from bob', version: 3 }],
    },
  ],
})

const meetups = pgTable('meetups', {
  id: serial().primaryKey(),
  title: text().notNull(),
  capacity: integer().notNull(),
  attending: integer().notNull().default(0),
})
const rsvps = pgTable('rsvps', {
  id: serial().primaryKey(),
  meetupId: integer('meetup_id').notNull(),
  guest: text().notNull(),
})

const rsvp = drizzleCase({
  name: 'idioms drizzle meetup rsvp',
  schema: `
    create table meetups (
      id serial primary key, title text not null, capacity int not null, attending int not null default 0
    );
    create table rsvps (id serial primary key, meetup_id int not null references meetups, guest text not null)`,
  seed: `
    insert into meetups (title, capacity, attending) values ('js', 3, 2), ('db', 50, 1), ('full', 1, 1);
    insert into rsvps (meetup_id, guest) values (1, 'ada'), (1, 'bob'), (2, 'ada'), (3, 'cyd')`,
  routes: {
    'POST /meetups/:id/rsvp': async (db, input) => {
      const { id, guest } = input as { id: number; guest: string }
      const [meetup] = await db.select().from(meetups).where(eq(meetups.id, id))
      if (!meetup) return { status: 404 }
      if (meetup.attending >= meetup.capacity) return { status: 409, body: { error: 'full' } }
      await db.transaction(async (tx) => {
        await tx.select({ id: meetups.id }).from(meetups).where(eq(meetups.id, id)).for('update')
        await tx.insert(rsvps).values({ meetupId: id, guest })
        await tx
          .update(meetups)
          .set({ attending: sql`${meetups.attending} + 1` })
          .where(eq(meetups.id, id))
      })
      return { status: 201 }
    },
    'POST /v2/meetups/:id/rsvp': async (db, input) => {
      const { id, guest } = input as { id: number; guest: string }
      return await db.transaction(async (tx) => {
        const [meetup] = await tx.select().from(meetups).where(eq(meetups.id, id)).for('update')
        if (!meetup) return { status: 404 }
        const [going] = await tx.select({ total: count() }).from(rsvps).where(eq(rsvps.meetupId, id))
        if (going!.total >= meetup.capacity) return { status: 409 }
        await tx.insert(rsvps).values({ meetupId: id, guest })
        await tx
          .update(meetups)
          .set({ attending: going!.total + 1 })
          .where(eq(meetups.id, id))
        return { status: 201 }
      })
    },
  },
  traffic: [
    ['POST /meetups/:id/rsvp', { id: 2, guest: 'dan' }],
    ['POST /meetups/:id/rsvp', { id: 3, guest: 'dan' }],
    ['POST /meetups/:id/rsvp', { id: 33, guest: 'dan' }],
    ['POST /v2/meetups/:id/rsvp', { id: 2, guest: 'eve' }],
    ['POST /v2/meetups/:id/rsvp', { id: 1, guest: 'eve' }],
    ['POST /v2/meetups/:id/rsvp', { id: 3, guest: 'eve' }],
    ['POST /v2/meetups/:id/rsvp', { id: 34, guest: 'eve' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'late lock',
      first: ['POST /meetups/:id/rsvp', { id: 1, guest: 'fay' }],
      second: ['POST /meetups/:id/rsvp', { id: 1, guest: 'gus' }],
    },
    {
      label: 'safe',
      kind: 'row lock first',
      first: ['POST /v2/meetups/:id/rsvp', { id: 1, guest: 'fay' }],
      second: ['POST /v2/meetups/:id/rsvp', { id: 1, guest: 'gus' }],
    },
  ],
})

const tickets = pgTable('support_tickets', {
  id: bigint({ mode: 'number' }).primaryKey(),
  subject: text().notNull(),
  status: text().notNull(),
  assignee: text(),
})

const helpdesk = drizzleCase({
  name: 'idioms drizzle helpdesk queue',
  schema: `
    create table support_tickets (
      id bigint primary key, subject text not null, status text not null default 'open', assignee text
    )`,
  seed: `
    insert into support_tickets (id, subject, status, assignee) values
      (1, 'login', 'closed', 'ada'), (2, 'refund', 'open', null), (3, 'crash', 'open', null), (4, 'typo', 'open', null)`,
  routes: {
    'POST /tickets/next': async (db, input) => {
      const [next] = await db.select().from(tickets).where(eq(tickets.status, 'open')).orderBy(asc(tickets.id)).limit(1)
      if (!next) return { status: 204 }
      await db
        .update(tickets)
        .set({ status: 'assigned', assignee: input.agent as string })
        .where(eq(tickets.id, next.id))
      return { status: 200, body: next }
    },
    'POST /v2/tickets/next': async (db, input) =>
      await db.transaction(async (tx) => {
        const [next] = await tx
          .select()
          .from(tickets)
          .where(eq(tickets.status, 'open'))
          .orderBy(asc(tickets.id))
          .limit(1)
          .for('update', { skipLocked: true })
        if (!next) return { status: 204 }
        await tx
          .update(tickets)
          .set({ status: 'assigned', assignee: input.agent as string })
          .where(eq(tickets.id, next.id))
        return { status: 200, body: next }
      }),
    'POST /tickets/:id/close': async (db, input) => {
      const [ticket] = await db
        .select()
        .from(tickets)
        .where(eq(tickets.id, input.id as number))
      if (!ticket) return { status: 404 }
      await db.update(tickets).set({ status: 'closed' }).where(eq(tickets.id, ticket.id))
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /tickets/next', { agent: 'ada' }],
    ['POST /v2/tickets/next', { agent: 'bob' }],
    ['POST /tickets/:id/close', { id: 2 }],
    ['POST /tickets/:id/close', { id: 1 }],
    ['POST /tickets/:id/close', { id: 20 }],
    ['POST /v2/tickets/next', { agent: 'cyd' }],
    ['POST /tickets/next', { agent: 'ada' }],
    ['POST /v2/tickets/next', { agent: 'ada' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'same job taken twice',
      first: ['POST /tickets/next', { agent: 'ada' }],
      second: ['POST /tickets/next', { agent: 'bob' }],
    },
    {
      label: 'safe',
      kind: 'skip locked',
      first: ['POST /v2/tickets/next', { agent: 'ada' }],
      second: ['POST /v2/tickets/next', { agent: 'bob' }],
    },
    {
      label: 'safe',
      kind: 'idempotent constant',
      first: ['POST /tickets/:id/close', { id: 3 }],
      second: ['POST /tickets/:id/close', { id: 3 }],
    },
  ],
})

export const cases: ClashCase[] = [liking, editing, rsvp, helpdesk]
