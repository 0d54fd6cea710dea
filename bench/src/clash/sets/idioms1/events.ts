import { and, asc, count, eq } from 'drizzle-orm'
import { integer, pgTable, primaryKey, serial, text, timestamp } from 'drizzle-orm/pg-core'
import { type ClashCase, drizzleCase } from '../../corpus.js'

const events = pgTable('events', {
  id: serial('id').primaryKey(),
  title: text('title').notNull(),
  capacity: integer('capacity').notNull(),
  status: text('status').notNull().default('published'),
})

const rsvps = pgTable(
  'rsvps',
  {
    eventId: integer('event_id').notNull(),
    userId: integer('user_id').notNull(),
    status: text('status').notNull().default('going'),
    createdAt: timestamp('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.eventId, table.userId] })],
)

const waitlist = pgTable('waitlist', {
  id: serial('id').primaryKey(),
  eventId: integer('event_id').notNull(),
  userId: integer('user_id').notNull(),
})

const profiles = pgTable('profiles', {
  userId: integer('user_id').primaryKey(),
  displayName: text('display_name').notNull(),
  lastSeenAt: timestamp('last_seen_at'),
})

const meetups = drizzleCase({
  name: 'meetups on drizzle',
  schema: `
    create table events (
      id serial primary key,
      title text not null,
      capacity int not null,
      status text not null default 'published'
    );
    create table rsvps (
      event_id int not null references events (id),
      user_id int not null,
      status text not null default 'going',
      created_at timestamp not null default now(),
      primary key (event_id, user_id)
    );
    create table waitlist (
      id serial primary key,
      event_id int not null references events (id),
      user_id int not null
    );
    create table profiles (
      user_id int primary key,
      display_name text not null,
      last_seen_at timestamp
    );
  `,
  seed: `
    insert into events (title, capacity, status) values
      ('Rust for beginners', 3, 'published'), ('Board games', 2, 'published'), ('Old party', 50, 'cancelled'),
      ('Hike', 100, 'published');
    insert into rsvps (event_id, user_id) values (1, 1), (1, 2), (2, 1), (2, 2), (4, 3);
    insert into waitlist (event_id, user_id) values (2, 5), (2, 6);
    insert into profiles (user_id, display_name) values (1, 'Ann'), (2, 'Bob'), (3, 'Cy');
  `,
  routes: {
    'POST /events/:id/rsvp': async (db, input) => {
      const eventId = Number(input.id)
      const [event] = await db.select().from(events).where(eq(events.id, eventId))
      if (!event || event.status !== 'published') return { status: 404 }
      const going = await db.$count(rsvps, and(eq(rsvps.eventId, eventId), eq(rsvps.status, 'going')))
      if (going >= event.capacity) return { status: 409, body: { error: 'This event is full' } }
      await db
        .insert(rsvps)
        .values({ eventId, userId: Number(input.userId) })
        .onConflictDoNothing()
      return { status: 201 }
    },

    'POST /events/:id/reserve': async (db, input) => {
      const eventId = Number(input.id)
      const userId = Number(input.userId)
      return await db.transaction(async (tx) => {
        const [event] = await tx.select().from(events).where(eq(events.id, eventId)).for('update')
        if (!event || event.status !== 'published') return { status: 404 }
        const [taken] = await tx.select({ seats: count() }).from(rsvps).where(eq(rsvps.eventId, eventId))
        if ((taken?.seats ?? 0) >= event.capacity) return { status: 409, body: { error: 'This event is full' } }
        await tx.insert(rsvps).values({ eventId, userId }).onConflictDoNothing()
        return { status: 201 }
      })
    },

    // The lock is gone as soon as its statement has ended: there is no transaction.
    'POST /events/:id/checkin-desk': async (db, input) => {
      const eventId = Number(input.id)
      const [event] = await db.select().from(events).where(eq(events.id, eventId)).for('update')
      if (!event) return { status: 404 }
      const guests = await db.select().from(rsvps).where(eq(rsvps.eventId, eventId))
      if (guests.length >= event.capacity) return { status: 409 }
      await db.insert(rsvps).values({ eventId, userId: Number(input.userId), status: 'walk-in' })
      return { status: 201 }
    },

    'DELETE /events/:id/rsvp': async (db, input) => {
      const eventId = Number(input.id)
      return await db.transaction(async (tx) => {
        const removed = await tx
          .delete(rsvps)
          .where(and(eq(rsvps.eventId, eventId), eq(rsvps.userId, Number(input.userId))))
          .returning()
        if (removed.length === 0) return { status: 404 }
        const [next] = await tx
          .select()
          .from(waitlist)
          .where(eq(waitlist.eventId, eventId))
          .orderBy(asc(waitlist.id))
          .limit(1)
        if (next) {
          await tx.delete(waitlist).where(eq(waitlist.id, next.id))
          await tx.insert(rsvps).values({ eventId, userId: next.userId }).onConflictDoNothing()
        }
        return { status: 204 }
      })
    },

    'POST /events/:id/release': async (db, input) => {
      const eventId = Number(input.id)
      return await db.transaction(async (tx) => {
        const removed = await tx
          .delete(rsvps)
          .where(and(eq(rsvps.eventId, eventId), eq(rsvps.userId, Number(input.userId))))
          .returning()
        if (removed.length === 0) return { status: 404 }
        const [next] = await tx
          .select()
          .from(waitlist)
          .where(eq(waitlist.eventId, eventId))
          .orderBy(asc(waitlist.id))
          .limit(1)
          .for('update', { skipLocked: true })
        if (next) {
          await tx.delete(waitlist).where(eq(waitlist.id, next.id))
          await tx.insert(rsvps).values({ eventId, userId: next.userId }).onConflictDoNothing()
        }
        return { status: 204 }
      })
    },

    'PUT /profile': async (db, input) => {
      const userId = Number(input.userId)
      const displayName = String(input.displayName)
      const [profile] = await db.select().from(profiles).where(eq(profiles.userId, userId)).limit(1)
      if (!profile) return { status: 404, body: { error: 'No such profile' } }
      const [saved] = await db
        .update(profiles)
        .set({ displayName, lastSeenAt: new Date() })
        .where(eq(profiles.userId, userId))
        .returning()
      return { status: 200, body: saved }
    },

    'PATCH /events/:id/capacity': async (db, input) => {
      const eventId = Number(input.id)
      const capacity = Number(input.capacity)
      const [event] = await db.select().from(events).where(eq(events.id, eventId))
      if (!event) return { status: 404 }
      const [taken] = await db.select({ seats: count() }).from(rsvps).where(eq(rsvps.eventId, eventId))
      if (capacity < (taken?.seats ?? 0)) return { status: 422, body: { error: 'More people are going already' } }
      await db.update(events).set({ capacity }).where(eq(events.id, eventId))
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /events/:id/rsvp', { id: 4, userId: 1 }],
    ['POST /events/:id/rsvp', { id: 2, userId: 3 }],
    ['POST /events/:id/rsvp', { id: 3, userId: 3 }],
    ['POST /events/:id/reserve', { id: 4, userId: 2 }],
    ['POST /events/:id/reserve', { id: 2, userId: 2 }],
    ['POST /events/:id/checkin-desk', { id: 4, userId: 8 }],
    ['POST /events/:id/checkin-desk', { id: 2, userId: 8 }],
    ['DELETE /events/:id/rsvp', { id: 2, userId: 1 }],
    ['DELETE /events/:id/rsvp', { id: 4, userId: 99 }],
    ['POST /events/:id/release', { id: 2, userId: 2 }],
    ['PUT /profile', { userId: 3, displayName: 'Cyril' }],
    ['PUT /profile', { userId: 99, displayName: 'Nobody' }],
    ['PATCH /events/:id/capacity', { id: 4, capacity: 80 }],
    ['PATCH /events/:id/capacity', { id: 4, capacity: 1 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'the last seat, twice',
      first: ['POST /events/:id/rsvp', { id: 1, userId: 7 }],
      second: ['POST /events/:id/rsvp', { id: 1, userId: 8 }],
    },
    {
      label: 'safe',
      kind: 'row lock before the count',
      first: ['POST /events/:id/reserve', { id: 1, userId: 7 }],
      second: ['POST /events/:id/reserve', { id: 1, userId: 8 }],
    },
    {
      label: 'clash',
      kind: 'for update outside of a transaction',
      first: ['POST /events/:id/checkin-desk', { id: 1, userId: 7 }],
      second: ['POST /events/:id/checkin-desk', { id: 1, userId: 8 }],
    },
    {
      label: 'clash',
      kind: 'one guest taken from the waiting list twice',
      first: ['DELETE /events/:id/rsvp', { id: 2, userId: 1 }],
      second: ['DELETE /events/:id/rsvp', { id: 2, userId: 2 }],
    },
    {
      label: 'safe',
      kind: 'skip locked',
      first: ['POST /events/:id/release', { id: 2, userId: 1 }],
      second: ['POST /events/:id/release', { id: 2, userId: 2 }],
    },
    {
      label: 'safe',
      kind: 'overwriting after a check of existence',
      first: ['PUT /profile', { userId: 1, displayName: 'Anne' }],
      second: ['PUT /profile', { userId: 1, displayName: 'Annie' }],
    },
    {
      label: 'clash',
      kind: 'write skew of a capacity and a seat',
      first: ['PATCH /events/:id/capacity', { id: 1, capacity: 2 }],
      second: ['POST /events/:id/reserve', { id: 1, userId: 7 }],
    },
  ],
})

export const cases: ClashCase[] = [meetups]
