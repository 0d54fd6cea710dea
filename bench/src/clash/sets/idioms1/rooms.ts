import { type Generated, type Kysely, sql } from 'kysely'
import { type Answer, type ClashCase, type Input, kyselyCase } from '../../corpus.js'

interface Tables {
  rooms: {
    id: Generated<number>
    name: string
    max_bookings: number
  }
  bookings: {
    id: Generated<number>
    room_id: number
    user_id: number
    starts: number
    ends: number
  }
  parking: {
    id: Generated<number>
    room_id: number
    plate: string
  }
}

const ROOM_LOCKS = 1
const USER_LOCKS = 2

async function isOccupied(db: Kysely<Tables>, input: Input): Promise<boolean> {
  const overlapping = await db
    .selectFrom('bookings')
    .select('id')
    .where('room_id', '=', Number(input.roomId))
    .where('starts', '<', Number(input.ends))
    .where('ends', '>', Number(input.starts))
    .execute()
  return overlapping.length > 0
}

async function book(db: Kysely<Tables>, input: Input): Promise<Answer> {
  if (await isOccupied(db, input)) return { status: 409, body: { error: 'The room is booked at that time' } }
  const booking = await db
    .insertInto('bookings')
    .values({
      room_id: Number(input.roomId),
      user_id: Number(input.userId),
      starts: Number(input.starts),
      ends: Number(input.ends),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { status: 201, body: booking }
}

const rooms = kyselyCase<Tables>({
  name: 'meeting rooms on kysely',
  schema: `
    create table rooms (
      id serial primary key,
      name text not null,
      max_bookings int not null default 100
    );
    create table bookings (
      id serial primary key,
      room_id int not null references rooms (id),
      user_id int not null,
      starts int not null,
      ends int not null check (ends > starts)
    );
    create table parking (
      id serial primary key,
      room_id int not null references rooms (id),
      plate text not null
    );
    create function check_parking() returns trigger language plpgsql as $$
    begin
      perform 1 from rooms where id = new.room_id for update;
      if (select count(*) from parking where room_id = new.room_id) >= 2 then
        raise exception 'no space left' using errcode = 'P0001';
      end if;
      return new;
    end $$;
    create trigger parking_limit before insert on parking for each row execute function check_parking();
  `,
  seed: `
    insert into rooms (name) values ('Blue'), ('Green'), ('Red');
    insert into bookings (room_id, user_id, starts, ends) values (1, 1, 9, 10), (2, 2, 9, 12), (3, 1, 8, 18);
    insert into parking (room_id, plate) values (1, 'AA 1'), (3, 'BB 1'), (3, 'BB 2');
  `,
  routes: {
    'POST /bookings': async (db, input) => await db.transaction().execute(async (trx) => await book(trx, input)),

    'POST /rooms/:roomId/bookings': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const room = await trx
          .selectFrom('rooms')
          .selectAll()
          .where('id', '=', Number(input.roomId))
          .forUpdate()
          .executeTakeFirst()
        if (!room) return { status: 404 }
        return await book(trx, input)
      }),

    'POST /calendar/bookings': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(${ROOM_LOCKS}::int, ${Number(input.roomId)}::int)`.execute(trx)
        return await book(trx, input)
      }),

    // Meant against a double click, and no help against other users.
    'POST /me/bookings': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(${USER_LOCKS}::int, ${Number(input.userId)}::int)`.execute(trx)
        return await book(trx, input)
      }),

    'DELETE /bookings/:id': async (db, input) => {
      const booking = await db
        .selectFrom('bookings')
        .select(['id', 'user_id'])
        .where('id', '=', Number(input.id))
        .executeTakeFirst()
      if (!booking) return { status: 404 }
      if (booking.user_id !== input.userId) return { status: 403 }
      await db.deleteFrom('bookings').where('id', '=', booking.id).execute()
      return { status: 204 }
    },

    'PUT /rooms/:id': async (db, input) => {
      const result = await db
        .updateTable('rooms')
        .set({ name: String(input.name) })
        .where('id', '=', Number(input.id))
        .executeTakeFirst()
      return { status: result.numUpdatedRows === 0n ? 404 : 200 }
    },

    'POST /rooms/:id/parking': async (db, input) => {
      const roomId = Number(input.id)
      const { used } = await db
        .selectFrom('parking')
        .select((eb) => eb.fn.countAll<string>().as('used'))
        .where('room_id', '=', roomId)
        .executeTakeFirstOrThrow()
      if (Number(used) >= 2) return { status: 409 }
      try {
        await db
          .insertInto('parking')
          .values({ room_id: roomId, plate: String(input.plate) })
          .execute()
      } catch (error) {
        if ((error as { code?: string }).code === 'P0001') return { status: 409 }
        throw error
      }
      return { status: 201 }
    },
  },
  traffic: [
    ['POST /bookings', { roomId: 1, userId: 2, starts: 10, ends: 11 }],
    ['POST /bookings', { roomId: 3, userId: 2, starts: 10, ends: 11 }],
    ['POST /rooms/:roomId/bookings', { roomId: 2, userId: 3, starts: 13, ends: 14 }],
    ['POST /rooms/:roomId/bookings', { roomId: 2, userId: 4, starts: 13, ends: 15 }],
    ['POST /rooms/:roomId/bookings', { roomId: 9, userId: 4, starts: 13, ends: 15 }],
    ['POST /calendar/bookings', { roomId: 1, userId: 3, starts: 11, ends: 12 }],
    ['POST /calendar/bookings', { roomId: 3, userId: 3, starts: 11, ends: 12 }],
    ['POST /me/bookings', { roomId: 2, userId: 5, starts: 16, ends: 17 }],
    ['POST /me/bookings', { roomId: 2, userId: 6, starts: 16, ends: 17 }],
    ['DELETE /bookings/:id', { id: 1, userId: 1 }],
    ['DELETE /bookings/:id', { id: 2, userId: 1 }],
    ['PUT /rooms/:id', { id: 2, name: 'Lime' }],
    ['POST /rooms/:id/parking', { id: 2, plate: 'CC 1' }],
    ['POST /rooms/:id/parking', { id: 3, plate: 'CC 2' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'overlapping bookings',
      first: ['POST /bookings', { roomId: 1, userId: 5, starts: 14, ends: 16 }],
      second: ['POST /bookings', { roomId: 1, userId: 6, starts: 15, ends: 17 }],
    },
    {
      label: 'safe',
      kind: 'the room locked first',
      first: ['POST /rooms/:roomId/bookings', { roomId: 1, userId: 5, starts: 14, ends: 16 }],
      second: ['POST /rooms/:roomId/bookings', { roomId: 1, userId: 6, starts: 15, ends: 17 }],
    },
    {
      label: 'safe',
      kind: 'advisory lock of the room',
      first: ['POST /calendar/bookings', { roomId: 1, userId: 5, starts: 14, ends: 16 }],
      second: ['POST /calendar/bookings', { roomId: 1, userId: 6, starts: 15, ends: 17 }],
    },
    {
      label: 'clash',
      kind: 'advisory lock with the wrong key',
      first: ['POST /me/bookings', { roomId: 1, userId: 5, starts: 14, ends: 16 }],
      second: ['POST /me/bookings', { roomId: 1, userId: 6, starts: 15, ends: 17 }],
    },
    {
      label: 'safe',
      kind: 'as if the booking had come first',
      first: ['POST /rooms/:roomId/bookings', { roomId: 1, userId: 5, starts: 14, ends: 16 }],
      second: ['PUT /rooms/:id', { id: 1, name: 'Navy' }],
    },
    {
      label: 'safe',
      kind: 'a trigger that locks and counts',
      first: ['POST /rooms/:id/parking', { id: 1, plate: 'XX 1' }],
      second: ['POST /rooms/:id/parking', { id: 1, plate: 'XX 2' }],
      hidden: 'the lock is taken by a trigger',
    },
  ],
})

export const cases: ClashCase[] = [rooms]
