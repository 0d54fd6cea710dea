import type pg from 'pg'
import { type Answer, type ClashCase, type Input, pgCase } from '../../corpus.js'
import { retrySerialization, withTransaction } from './transaction.js'

interface Booking {
  roomId: number
  userId: number
  from: string
  to: string
}

async function book(client: pg.PoolClient, { roomId, userId, from, to }: Booking): Promise<Answer> {
  const overlapping = await client.query(
    'SELECT id FROM bookings WHERE room_id = $1 AND starts_at < $3 AND ends_at > $2 LIMIT 1',
    [roomId, from, to],
  )
  if (overlapping.rowCount) return { status: 409, body: { error: 'the room is taken' } }
  await client.query('INSERT INTO bookings (room_id, user_id, starts_at, ends_at) VALUES ($1, $2, $3, $4)', [
    roomId,
    userId,
    from,
    to,
  ])
  return { status: 201 }
}

const rooms = pgCase({
  name: 'idioms pg meeting rooms',
  schema: `
    create table bookings (
      id serial primary key,
      room_id int not null,
      user_id int not null,
      starts_at timestamptz not null,
      ends_at timestamptz not null
    );
    create index on bookings (room_id, starts_at)`,
  seed: `
    insert into bookings (room_id, user_id, starts_at, ends_at) values
      (1, 1, '2026-05-04T09:00Z', '2026-05-04T10:00Z'), (2, 2, '2026-05-04T09:00Z', '2026-05-04T12:00Z')`,
  routes: {
    'POST /bookings': async (pool, input) =>
      await withTransaction(pool, async (client) => await book(client, input as unknown as Booking)),
    'POST /v2/bookings': async (pool, input) => {
      const booking = input as unknown as Booking
      return await withTransaction(pool, async (client) => {
        await client.query('SELECT pg_advisory_xact_lock($1, $2)', [4711, booking.roomId])
        return await book(client, booking)
      })
    },
    'POST /mobile/bookings': async (pool, input) => {
      const booking = input as unknown as Booking
      return await withTransaction(pool, async (client) => {
        // Keeps a double tap from booking twice.
        await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`booking:${booking.userId}`])
        return await book(client, booking)
      })
    },
  },
  traffic: [
    ['POST /bookings', { roomId: 1, userId: 1, from: '2026-05-04T10:00Z', to: '2026-05-04T11:00Z' }],
    ['POST /bookings', { roomId: 2, userId: 2, from: '2026-05-04T11:00Z', to: '2026-05-04T13:00Z' }],
    ['POST /bookings', { roomId: 3, userId: 2, from: '2026-05-04T11:00Z', to: '2026-05-04T13:00Z' }],
    ['POST /v2/bookings', { roomId: 1, userId: 3, from: '2026-05-05T10:00Z', to: '2026-05-05T11:00Z' }],
    ['POST /v2/bookings', { roomId: 1, userId: 4, from: '2026-05-05T10:30Z', to: '2026-05-05T12:00Z' }],
    ['POST /v2/bookings', { roomId: 2, userId: 4, from: '2026-05-05T10:30Z', to: '2026-05-05T12:00Z' }],
    ['POST /mobile/bookings', { roomId: 3, userId: 1, from: '2026-05-05T08:00Z', to: '2026-05-05T09:00Z' }],
    ['POST /mobile/bookings', { roomId: 3, userId: 5, from: '2026-05-05T08:30Z', to: '2026-05-05T09:00Z' }],
    ['POST /mobile/bookings', { roomId: 2, userId: 5, from: '2026-05-06T08:30Z', to: '2026-05-06T09:00Z' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'overlap, checked and inserted',
      first: ['POST /bookings', { roomId: 1, userId: 1, from: '2026-05-07T09:00Z', to: '2026-05-07T11:00Z' }],
      second: ['POST /bookings', { roomId: 1, userId: 2, from: '2026-05-07T10:00Z', to: '2026-05-07T12:00Z' }],
    },
    {
      label: 'safe',
      kind: 'advisory lock on the room',
      first: ['POST /v2/bookings', { roomId: 1, userId: 1, from: '2026-05-07T09:00Z', to: '2026-05-07T11:00Z' }],
      second: ['POST /v2/bookings', { roomId: 1, userId: 2, from: '2026-05-07T10:00Z', to: '2026-05-07T12:00Z' }],
    },
    {
      label: 'clash',
      kind: 'advisory lock on the wrong key',
      first: ['POST /mobile/bookings', { roomId: 1, userId: 1, from: '2026-05-07T09:00Z', to: '2026-05-07T11:00Z' }],
      second: ['POST /mobile/bookings', { roomId: 1, userId: 2, from: '2026-05-07T10:00Z', to: '2026-05-07T12:00Z' }],
    },
  ],
})

const projects = pgCase({
  name: 'idioms pg project quota',
  schema: `
    create table orgs (id uuid primary key, name text not null, max_projects int not null);
    create table projects (
      id bigserial primary key,
      org_id uuid not null references orgs on delete cascade,
      name text not null,
      archived boolean not null default false
    )`,
  seed: `
    insert into orgs values
      ('11111111-1111-4111-8111-111111111111', 'acme', 3), ('22222222-2222-4222-8222-222222222222', 'globex', 1),
      ('33333333-3333-4333-8333-333333333333', 'initech', 10);
    insert into projects (org_id, name) values
      ('11111111-1111-4111-8111-111111111111', 'web'), ('11111111-1111-4111-8111-111111111111', 'api'),
      ('22222222-2222-4222-8222-222222222222', 'only')`,
  routes: {
    'POST /projects': async (pool, input) => {
      const { orgId, name } = input as { orgId: string; name: string }
      const org = await pool.query<{ max_projects: number }>('SELECT max_projects FROM orgs WHERE id = $1', [orgId])
      if (!org.rows[0]) return { status: 404 }
      const used = await pool.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM projects WHERE org_id = $1 AND NOT archived',
        [orgId],
      )
      if (used.rows[0]!.count >= org.rows[0].max_projects) return { status: 403, body: { error: 'upgrade your plan' } }
      const created = await pool.query('INSERT INTO projects (org_id, name) VALUES ($1, $2) RETURNING id', [
        orgId,
        name,
      ])
      return { status: 201, body: created.rows[0] }
    },
    'POST /v2/projects': async (pool, input) => {
      const { orgId, name } = input as { orgId: string; name: string }
      return await withTransaction(pool, async (client) => {
        const org = await client.query<{ max_projects: number }>('SELECT * FROM orgs WHERE id = $1 FOR UPDATE', [orgId])
        if (!org.rows[0]) return { status: 404 }
        const used = await client.query<{ count: string }>(
          'SELECT count(*) FROM projects WHERE org_id = $1 AND NOT archived',
          [orgId],
        )
        if (Number(used.rows[0]!.count) >= org.rows[0].max_projects) return { status: 403 }
        await client.query('INSERT INTO projects (org_id, name) VALUES ($1, $2)', [orgId, name])
        return { status: 201 }
      })
    },
    'PATCH /orgs/:id': async (pool, input) => {
      const renamed = await pool.query('UPDATE orgs SET name = $2 WHERE id = $1 RETURNING *', [input.id, input.name])
      return renamed.rows[0] ? { status: 200, body: renamed.rows[0] } : { status: 404 }
    },
  },
  traffic: [
    ['POST /projects', { orgId: '33333333-3333-4333-8333-333333333333', name: 'one' }],
    ['POST /projects', { orgId: '22222222-2222-4222-8222-222222222222', name: 'two' }],
    ['POST /projects', { orgId: '99999999-9999-4999-8999-999999999999', name: 'ghost' }],
    ['POST /v2/projects', { orgId: '33333333-3333-4333-8333-333333333333', name: 'two' }],
    ['POST /v2/projects', { orgId: '22222222-2222-4222-8222-222222222222', name: 'more' }],
    ['POST /v2/projects', { orgId: '11111111-1111-4111-8111-111111111111', name: 'docs' }],
    ['POST /projects', { orgId: '11111111-1111-4111-8111-111111111111', name: 'too many' }],
    ['PATCH /orgs/:id', { id: '22222222-2222-4222-8222-222222222222', name: 'Globex Inc.' }],
    ['PATCH /orgs/:id', { id: '99999999-9999-4999-8999-999999999999', name: 'Nobody' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'count, then insert',
      first: ['POST /projects', { orgId: '11111111-1111-4111-8111-111111111111', name: 'docs' }],
      second: ['POST /projects', { orgId: '11111111-1111-4111-8111-111111111111', name: 'blog' }],
    },
    {
      label: 'safe',
      kind: 'lock on the parent row first',
      first: ['POST /v2/projects', { orgId: '11111111-1111-4111-8111-111111111111', name: 'docs' }],
      second: ['POST /v2/projects', { orgId: '11111111-1111-4111-8111-111111111111', name: 'blog' }],
    },
    {
      label: 'safe',
      kind: 'another column of the guarded parent',
      first: ['POST /projects', { orgId: '11111111-1111-4111-8111-111111111111', name: 'docs' }],
      second: ['PATCH /orgs/:id', { id: '11111111-1111-4111-8111-111111111111', name: 'Acme' }],
    },
  ],
})

async function goOffCall(pool: pg.Pool, input: Input, begin: string): Promise<Answer> {
  const { doctorId, shift } = input as { doctorId: number; shift: string }
  return await withTransaction(
    pool,
    async (client) => {
      const { rows } = await client.query<{ doctor_id: number }>(
        'SELECT doctor_id FROM on_call WHERE shift = $1 AND active',
        [shift],
      )
      if (!rows.some((row) => row.doctor_id === doctorId)) return { status: 404 }
      if (rows.length < 2) return { status: 409, body: { error: 'somebody has to stay' } }
      await client.query('UPDATE on_call SET active = false WHERE shift = $1 AND doctor_id = $2', [shift, doctorId])
      return { status: 200 }
    },
    begin,
  )
}

const onCall = pgCase({
  name: 'idioms pg doctors on call',
  schema: `
    create table on_call (
      shift date not null,
      doctor_id int not null,
      active boolean not null default true,
      primary key (shift, doctor_id)
    )`,
  seed: `
    insert into on_call values
      ('2026-06-01', 1, true), ('2026-06-01', 2, true), ('2026-06-01', 3, false), ('2026-06-02', 1, true),
      ('2026-06-03', 1, true), ('2026-06-03', 2, true), ('2026-06-03', 3, true)`,
  routes: {
    'POST /on-call/leave': async (pool, input) => await goOffCall(pool, input, 'BEGIN ISOLATION LEVEL REPEATABLE READ'),
    'POST /v2/on-call/leave': async (pool, input) =>
      await retrySerialization(async () => await goOffCall(pool, input, 'BEGIN ISOLATION LEVEL SERIALIZABLE')),
  },
  traffic: [
    ['POST /on-call/leave', { shift: '2026-06-03', doctorId: 1 }],
    ['POST /on-call/leave', { shift: '2026-06-02', doctorId: 1 }],
    ['POST /on-call/leave', { shift: '2026-06-01', doctorId: 3 }],
    ['POST /v2/on-call/leave', { shift: '2026-06-03', doctorId: 2 }],
    ['POST /v2/on-call/leave', { shift: '2026-06-03', doctorId: 3 }],
    ['POST /v2/on-call/leave', { shift: '2026-06-02', doctorId: 2 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'write skew at repeatable read',
      first: ['POST /on-call/leave', { shift: '2026-06-01', doctorId: 1 }],
      second: ['POST /on-call/leave', { shift: '2026-06-01', doctorId: 2 }],
    },
    {
      label: 'safe',
      kind: 'serializable with retry',
      first: ['POST /v2/on-call/leave', { shift: '2026-06-01', doctorId: 1 }],
      second: ['POST /v2/on-call/leave', { shift: '2026-06-01', doctorId: 2 }],
    },
  ],
})

export const cases: ClashCase[] = [rooms, projects, onCall]
