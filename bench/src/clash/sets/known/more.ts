import { eq } from 'drizzle-orm'
import { boolean, integer, pgTable, text } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, typeormCase, type ClashCase } from '../../corpus.js'
import { isDuplicate } from './transaction.js'

interface Rentals {
  rentals: { id: Generated<number>; bike: string; rider: string; state: string }
}

const partialIndex = kyselyCase<Rentals>({
  name: 'bikes: the partial index knows fewer states than the check',
  schema: `create table rentals (id serial primary key, bike text not null, rider text not null, state text not null);
    create unique index on rentals (bike) where state = 'riding'`,
  seed: `insert into rentals (bike, rider, state) values ('b1', 'ann', 'riding'), ('b2', 'bob', 'reserved'), ('b3', 'cat', 'returned')`,
  routes: {
    'POST /bikes/:id/reserve': async (db, input) => {
      const { id, rider } = input as { id: string; rider: string }
      const busy = await db
        .selectFrom('rentals')
        .select('id')
        .where('bike', '=', id)
        .where('state', 'in', ['reserved', 'riding'])
        .executeTakeFirst()
      if (busy) return { status: 409 }
      try {
        await db.insertInto('rentals').values({ bike: id, rider, state: 'reserved' }).execute()
        return { status: 201 }
      } catch (error) {
        if (isDuplicate(error)) return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /bikes/:id/reserve', { id: 'b1', rider: 'dan' }],
    ['POST /bikes/:id/reserve', { id: 'b2', rider: 'dan' }],
    ['POST /bikes/:id/reserve', { id: 'b3', rider: 'dan' }],
    ['POST /bikes/:id/reserve', { id: 'b3', rider: 'eve' }],
    ['POST /bikes/:id/reserve', { id: 'b4', rider: 'eve' }],
    ['POST /bikes/:id/reserve', { id: 'b5', rider: 'fay' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'partial index that does not cover the check',
      first: ['POST /bikes/:id/reserve', { id: 'b3', rider: 'gus' }],
      second: ['POST /bikes/:id/reserve', { id: 'b3', rider: 'hal' }],
    },
  ],
})

interface Silos {
  silos: { id: number; tons: number }
}

const sharedLock = kyselyCase<Silos>({
  name: 'silo: FOR SHARE, then the update; two of them deadlock, nothing is lost',
  schema: 'create table silos (id int primary key, tons int not null)',
  seed: 'insert into silos values (1, 100), (2, 3), (3, 60)',
  routes: {
    'POST /silos/:id/empty': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const { id, tons } = input as { id: number; tons: number }
        const silo = await trx.selectFrom('silos').selectAll().where('id', '=', id).forShare().executeTakeFirst()
        if (!silo) return { status: 404 }
        if (silo.tons < tons) return { status: 409 }
        await trx
          .updateTable('silos')
          .set({ tons: silo.tons - tons })
          .where('id', '=', id)
          .execute()
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /silos/:id/empty', { id: 1, tons: 20 }],
    ['POST /silos/:id/empty', { id: 2, tons: 5 }],
    ['POST /silos/:id/empty', { id: 4, tons: 5 }],
    ['POST /silos/:id/empty', { id: 3, tons: 11 }],
    ['POST /silos/:id/empty', { id: 1, tons: 33 }],
    ['POST /silos/:id/empty', { id: 2, tons: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'shared lock, a deadlock at worst',
      first: ['POST /silos/:id/empty', { id: 3, tons: 13 }],
      second: ['POST /silos/:id/empty', { id: 3, tons: 27 }],
    },
  ],
})

const numbered = knexCase({
  name: 'permits: greatest number plus one, unique, with retry',
  schema: `create table permits (city text not null, number int not null, holder text not null, unique (city, number))`,
  seed: `insert into permits values ('rome', 1, 'ann'), ('rome', 2, 'bob'), ('oslo', 17, 'cat')`,
  routes: {
    'POST /permits': async (knex, input) => {
      const { city, holder } = input as { city: string; holder: string }
      if (!holder) return { status: 422 }
      for (let attempt = 1; ; attempt++) {
        const last = await knex('permits').where({ city }).max({ number: 'number' }).first()
        const number = Number(last?.number ?? 0) + 1
        try {
          await knex('permits').insert({ city, number, holder })
          return { status: 201, body: { number } }
        } catch (error) {
          if (!isDuplicate(error) || attempt === 3) throw error
        }
      }
    },
  },
  traffic: [
    ['POST /permits', { city: 'rome', holder: 'dan' }],
    ['POST /permits', { city: 'oslo', holder: 'dan' }],
    ['POST /permits', { city: 'oslo', holder: '' }],
    ['POST /permits', { city: 'bern', holder: 'eve' }],
    ['POST /permits', { city: 'rome', holder: 'fay' }],
    ['POST /permits', { city: 'bern', holder: 'fay' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'greatest plus one, unique index and retry',
      first: ['POST /permits', { city: 'rome', holder: 'gus' }],
      second: ['POST /permits', { city: 'rome', holder: 'hal' }],
    },
  ],
})

const forgottenTrx = knexCase({
  name: 'casino: the locking read is not sent through the transaction',
  schema: 'create table stakes (id uuid primary key, chips int not null)',
  seed: `insert into stakes values ('44444444-dddd-4ddd-8ddd-000000000001', 500), ('44444444-dddd-4ddd-8ddd-000000000002', 10)`,
  routes: {
    'POST /stakes/:id/bet': async (knex, input) =>
      await knex.transaction(async (trx) => {
        const { id, chips } = input as { id: string; chips: number }
        const stake = await knex('stakes').where({ id }).forUpdate().first()
        if (!stake) return { status: 404 }
        if (stake.chips < chips) return { status: 402 }
        await trx('stakes')
          .where({ id })
          .update({ chips: stake.chips - chips })
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000001', chips: 25 }],
    ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000002', chips: 30 }],
    ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000002', chips: 4 }],
    ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000009', chips: 4 }],
    ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000001', chips: 110 }],
    ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000001', chips: 35 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lock taken in another transaction',
      first: ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000001', chips: 75 }],
      second: ['POST /stakes/:id/bet', { id: '44444444-dddd-4ddd-8ddd-000000000001', chips: 120 }],
    },
  ],
})

const todos = pgTable('todos', {
  id: integer('id').primaryKey(),
  title: text('title').notNull(),
  done: boolean('done').notNull(),
})

const toggle = drizzleCase({
  name: 'todo: toggled to the opposite of what was read',
  schema: 'create table todos (id int primary key, title text not null, done boolean not null default false)',
  seed: `insert into todos values (1, 'wash', false), (2, 'iron', true), (3, 'cook', false)`,
  routes: {
    'POST /todos/:id/toggle': async (db, input) => {
      const { id } = input as { id: number }
      const [todo] = await db.select().from(todos).where(eq(todos.id, id))
      if (!todo) return { status: 404 }
      await db.update(todos).set({ done: !todo.done }).where(eq(todos.id, id))
      return { status: 200, body: { done: !todo.done } }
    },
    'PATCH /todos/:id': async (db, input) => {
      const { id, title } = input as { id: number; title: string }
      const [changed] = await db.update(todos).set({ title }).where(eq(todos.id, id)).returning()
      return changed ? { status: 200, body: changed } : { status: 404 }
    },
  },
  traffic: [
    ['POST /todos/:id/toggle', { id: 1 }],
    ['POST /todos/:id/toggle', { id: 1 }],
    ['POST /todos/:id/toggle', { id: 2 }],
    ['POST /todos/:id/toggle', { id: 9 }],
    ['PATCH /todos/:id', { id: 2, title: 'fold' }],
    ['PATCH /todos/:id', { id: 9, title: 'fold' }],
    ['POST /todos/:id/toggle', { id: 3 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update of a boolean',
      first: ['POST /todos/:id/toggle', { id: 3 }],
      second: ['POST /todos/:id/toggle', { id: 3 }],
    },
    {
      label: 'safe',
      kind: 'another column of the row',
      first: ['POST /todos/:id/toggle', { id: 3 }],
      second: ['PATCH /todos/:id', { id: 3, title: 'bake' }],
    },
  ],
})

interface Playlist {
  id: number
  tracks: string[]
}

const PlaylistEntity = new EntitySchema<Playlist>({
  name: 'Playlist',
  tableName: 'playlists',
  columns: { id: { type: 'int', primary: true }, tracks: { type: 'text', array: true } },
})

const playlist = typeormCase([PlaylistEntity], {
  name: 'playlist: a track is pushed to an array and saved',
  schema: `create table playlists (id int primary key, tracks text[] not null default '{}')`,
  seed: `insert into playlists values (1, '{intro}'), (2, '{}'), (3, '{one,two}')`,
  routes: {
    'POST /playlists/:id/tracks': async (source, input) => {
      const { id, track } = input as { id: number; track: string }
      const playlists = source.getRepository(PlaylistEntity)
      const playlist = await playlists.findOneBy({ id })
      if (!playlist) return { status: 404 }
      if (playlist.tracks.includes(track)) return { status: 409 }
      playlist.tracks.push(track)
      await playlists.save(playlist)
      return { status: 201, body: playlist.tracks }
    },
  },
  traffic: [
    ['POST /playlists/:id/tracks', { id: 1, track: 'verse' }],
    ['POST /playlists/:id/tracks', { id: 1, track: 'verse' }],
    ['POST /playlists/:id/tracks', { id: 2, track: 'solo' }],
    ['POST /playlists/:id/tracks', { id: 7, track: 'solo' }],
    ['POST /playlists/:id/tracks', { id: 3, track: 'three' }],
    ['POST /playlists/:id/tracks', { id: 2, track: 'coda' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update, array',
      first: ['POST /playlists/:id/tracks', { id: 3, track: 'four' }],
      second: ['POST /playlists/:id/tracks', { id: 3, track: 'five' }],
    },
  ],
})

export const cases: ClashCase[] = [partialIndex, sharedLock, numbered, forgottenTrx, toggle, playlist]
