import { postgresJsCase, type ClashCase } from '../../corpus.js'

interface Room {
  id: number
  name: string
  capacity: number
}

const queues = new Map<string, Promise<unknown>>()

/** One at a time for each key, in this process. */
async function takeTurns<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(key) ?? Promise.resolve()
  const turn = before.then(work, work)
  queues.set(key, turn)
  return await turn
}

const rooms = postgresJsCase({
  name: 'idioms2/rooms',
  schema: `
    create table users (
      id serial primary key, name text not null, bio text not null default '', city text not null default '',
      updated_at timestamptz not null default now()
    );
    create table rooms (id serial primary key, name text not null, capacity int not null);
    create table bookings (
      id serial primary key, room_id int not null references rooms (id), user_id int not null references users (id),
      starts_at timestamptz not null, ends_at timestamptz not null
    );
    create table courts (id serial primary key, name text not null);
    create table reservations (
      id serial primary key, court_id int not null references courts (id), user_id int not null references users (id),
      starts_at timestamptz not null, ends_at timestamptz not null
    );
    create table studios (id serial primary key, name text not null);
    create table sessions (
      id serial primary key, studio_id int not null references studios (id), user_id int not null references users (id),
      starts_at timestamptz not null, ends_at timestamptz not null
    );
    create table desk_days (
      desk_id int not null, day date not null, user_id int not null references users (id), primary key (desk_id, day)
    );
    create table api_keys (
      id serial primary key, user_id int not null references users (id), label text not null, created_at timestamptz not null default now()
    );
    create table audit_log (
      id serial primary key, user_id int not null references users (id), action text not null, created_at timestamptz not null default now()
    );
    create table campaigns (id serial primary key, name text not null, max_vouchers int not null);
    create table vouchers (
      id serial primary key, campaign_id int not null references campaigns (id), user_id int not null references users (id)
    );
  `,
  seed: `
    insert into users (name, city) select 'User ' || n, 'Town' from generate_series(1, 8) n;
    insert into rooms (name, capacity) values ('Oak', 4), ('Elm', 12);
    insert into bookings (room_id, user_id, starts_at, ends_at) values (1, 5, '2030-01-01 08:00Z', '2030-01-01 09:00Z');
    insert into courts (name) values ('Court 1'), ('Court 2');
    insert into studios (name) values ('Studio 1'), ('Studio 2');
    insert into sessions (studio_id, user_id, starts_at, ends_at) values (2, 5, '2030-01-01 08:00Z', '2030-01-01 09:00Z');
    insert into desk_days (desk_id, day, user_id) values (1, '2030-01-01', 5);
    insert into api_keys (user_id, label) values (1, 'ci'), (1, 'laptop'), (2, 'ci'), (2, 'laptop'), (2, 'phone');
    insert into campaigns (name, max_vouchers) values ('Spring', 1), ('Autumn', 5), ('Over', 0);
  `,
  routes: {
    'POST /bookings': async (sql, input) => {
      const [roomId, userId] = [Number(input['roomId']), Number(input['userId'])]
      const [startsAt, endsAt] = [String(input['startsAt']), String(input['endsAt'])]
      const [room] = await sql<Room[]>`select * from rooms where id = ${roomId}`
      if (!room) return { status: 404 }
      const taken = await sql`
        select id from bookings where room_id = ${roomId} and starts_at < ${endsAt} and ends_at > ${startsAt} limit 1
      `
      if (taken.length > 0) return { status: 409, body: { error: `${room.name} is taken.` } }
      const [booking] = await sql`
        insert into bookings (room_id, user_id, starts_at, ends_at) values (${roomId}, ${userId}, ${startsAt}, ${endsAt})
        returning *
      `
      return { status: 201, body: booking }
    },

    'POST /reservations': async (sql, input) => {
      const [courtId, userId] = [Number(input['courtId']), Number(input['userId'])]
      const [startsAt, endsAt] = [String(input['startsAt']), String(input['endsAt'])]
      return await sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(hashtext('court'), ${courtId})`
        const [clash] = await tx`
          select id from reservations where court_id = ${courtId} and starts_at < ${endsAt} and ends_at > ${startsAt}
        `
        if (clash) return { status: 409 }
        const [reservation] = await tx`
          insert into reservations (court_id, user_id, starts_at, ends_at)
          values (${courtId}, ${userId}, ${startsAt}, ${endsAt}) returning id
        `
        return { status: 201, body: reservation }
      })
    },

    'POST /sessions': async (sql, input) => {
      const [studioId, userId] = [Number(input['studioId']), Number(input['userId'])]
      const [startsAt, endsAt] = [String(input['startsAt']), String(input['endsAt'])]
      return await sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(${userId})`
        const [other] = await tx`
          select id from sessions where studio_id = ${studioId} and starts_at < ${endsAt} and ends_at > ${startsAt}
        `
        if (other) return { status: 409 }
        const [session] = await tx`
          insert into sessions (studio_id, user_id, starts_at, ends_at)
          values (${studioId}, ${userId}, ${startsAt}, ${endsAt}) returning id
        `
        return { status: 201, body: session }
      })
    },

    'PUT /desks/:id/days/:day': async (sql, input) => {
      const [deskId, day, userId] = [Number(input['id']), String(input['day']), Number(input['userId'])]
      const [free] = await sql`
        insert into desk_days (desk_id, day, user_id) values (${deskId}, ${day}, ${userId})
        on conflict (desk_id, day) do nothing returning *
      `
      if (free) return { status: 201 }
      const [holder] = await sql`
        select u.id, u.name from desk_days d join users u on u.id = d.user_id where d.desk_id = ${deskId} and d.day = ${day}
      `
      return { status: 409, body: { holder } }
    },

    'POST /api-keys': async (sql, input) => {
      const userId = Number(input['userId'])
      return await sql.begin(async (tx) => {
        const [key] = await tx`
          insert into api_keys (user_id, label)
          select ${userId}::int, ${String(input['label'])}
          where (select count(*) from api_keys where user_id = ${userId}) < 3
          returning id, label
        `
        if (!key) return { status: 422, body: { error: 'Three keys at most.' } }
        await tx`insert into audit_log (user_id, action) values (${userId}, 'api_key.created')`
        return { status: 201, body: key }
      })
    },

    'POST /campaigns/:id/vouchers': async (sql, input) => {
      const id = Number(input['id'])
      return await takeTurns(`campaign:${id}`, async () => {
        const [campaign] = await sql`select max_vouchers from campaigns where id = ${id}`
        if (!campaign) return { status: 404 }
        const [row] = await sql`select count(*)::int as issued from vouchers where campaign_id = ${id}`
        if (row?.['issued'] >= campaign['max_vouchers']) return { status: 410 }
        await sql`insert into vouchers (campaign_id, user_id) values (${id}, ${Number(input['userId'])})`
        return { status: 201 }
      })
    },

    'PATCH /users/:id': async (sql, input) => {
      const id = Number(input['id'])
      const [user] = await sql`select id from users where id = ${id}`
      if (!user) return { status: 404 }
      const changes = input['changes'] as Record<string, string>
      const [updated] = await sql`
        update users set ${sql(changes)}, updated_at = now() where id = ${id} returning *
      `
      return { status: 200, body: updated }
    },
  },
  traffic: [
    ['POST /bookings', { roomId: 2, userId: 1, startsAt: '2030-02-01T10:00Z', endsAt: '2030-02-01T11:00Z' }],
    ['POST /bookings', { roomId: 1, userId: 1, startsAt: '2030-01-01T08:30Z', endsAt: '2030-01-01T09:30Z' }],
    ['POST /reservations', { courtId: 2, userId: 1, startsAt: '2030-02-01T10:00Z', endsAt: '2030-02-01T11:00Z' }],
    ['POST /reservations', { courtId: 2, userId: 2, startsAt: '2030-02-01T10:30Z', endsAt: '2030-02-01T11:30Z' }],
    ['POST /sessions', { studioId: 2, userId: 1, startsAt: '2030-02-01T10:00Z', endsAt: '2030-02-01T11:00Z' }],
    ['POST /sessions', { studioId: 2, userId: 2, startsAt: '2030-01-01T08:30Z', endsAt: '2030-01-01T09:30Z' }],
    ['PUT /desks/:id/days/:day', { id: 2, day: '2030-01-01', userId: 1 }],
    ['PUT /desks/:id/days/:day', { id: 1, day: '2030-01-01', userId: 1 }],
    ['POST /api-keys', { userId: 3, label: 'ci' }],
    ['POST /api-keys', { userId: 2, label: 'tablet' }],
    ['POST /campaigns/:id/vouchers', { id: 2, userId: 1 }],
    ['POST /campaigns/:id/vouchers', { id: 3, userId: 1 }],
    ['PATCH /users/:id', { id: 4, changes: { bio: 'Likes trees' } }],
    ['PATCH /users/:id', { id: 44, changes: { bio: 'Likes trees' } }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'overlap checked, then inserted: double booking',
      first: ['POST /bookings', { roomId: 1, userId: 1, startsAt: '2030-03-01T10:00Z', endsAt: '2030-03-01T11:00Z' }],
      second: ['POST /bookings', { roomId: 1, userId: 2, startsAt: '2030-03-01T10:30Z', endsAt: '2030-03-01T11:30Z' }],
    },
    {
      label: 'safe',
      kind: 'advisory lock on what is guarded',
      first: [
        'POST /reservations',
        { courtId: 1, userId: 1, startsAt: '2030-03-01T10:00Z', endsAt: '2030-03-01T11:00Z' },
      ],
      second: [
        'POST /reservations',
        { courtId: 1, userId: 2, startsAt: '2030-03-01T10:30Z', endsAt: '2030-03-01T11:30Z' },
      ],
    },
    {
      label: 'clash',
      kind: 'advisory lock on the wrong key',
      first: ['POST /sessions', { studioId: 1, userId: 1, startsAt: '2030-03-01T10:00Z', endsAt: '2030-03-01T11:00Z' }],
      second: [
        'POST /sessions',
        { studioId: 1, userId: 2, startsAt: '2030-03-01T10:30Z', endsAt: '2030-03-01T11:30Z' },
      ],
    },
    {
      label: 'safe',
      kind: 'insert on conflict do nothing, then a read for display',
      first: ['PUT /desks/:id/days/:day', { id: 3, day: '2030-03-01', userId: 1 }],
      second: ['PUT /desks/:id/days/:day', { id: 3, day: '2030-03-01', userId: 2 }],
    },
    {
      label: 'clash',
      kind: 'limit counted within the insert',
      first: ['POST /api-keys', { userId: 1, label: 'phone' }],
      second: ['POST /api-keys', { userId: 1, label: 'tablet' }],
    },
    {
      label: 'safe',
      kind: 'guard in the process',
      first: ['POST /campaigns/:id/vouchers', { id: 1, userId: 1 }],
      second: ['POST /campaigns/:id/vouchers', { id: 1, userId: 2 }],
      hidden: 'The handlers take turns in the process; the statements alone could overlap.',
    },
    {
      label: 'safe',
      kind: 'only the columns of the input are written',
      first: ['PATCH /users/:id', { id: 1, changes: { bio: 'Likes birds', city: 'Village' } }],
      second: ['PATCH /users/:id', { id: 1, changes: { city: 'Harbour' } }],
    },
  ],
})

export const cases: ClashCase[] = [rooms]
