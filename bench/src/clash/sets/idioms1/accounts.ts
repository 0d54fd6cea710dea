import pg from 'pg'
import { type ClashCase, pgCase } from '../../corpus.js'

const UNIQUE_VIOLATION = '23505'
const MAX_FAILED_LOGINS = 5

class HttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function withTransaction<T>(pool: pg.Pool, run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await run(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

async function answerHttpErrors(run: () => Promise<void>, success = 200) {
  try {
    await run()
    return { status: success }
  } catch (error) {
    if (error instanceof HttpError) return { status: error.status, body: { error: error.message } }
    throw error
  }
}

async function countMembers(client: pg.PoolClient, teamId: unknown): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM team_members WHERE team_id = $1',
    [teamId],
  )
  return rows[0]?.count ?? 0
}

const accounts = pgCase({
  name: 'accounts and teams on pg',
  schema: `
    create table users (
      id serial primary key,
      email text not null unique,
      username text not null,
      password text not null,
      failed_logins int not null default 0,
      last_seen_at timestamptz
    );
    create table teams (
      id serial primary key,
      name text not null unique,
      seats int not null
    );
    create table team_members (
      team_id int not null references teams (id),
      user_id int not null references users (id),
      role text not null default 'member',
      primary key (team_id, user_id)
    );
  `,
  seed: `
    insert into users (email, username, password) values
      ('ann@example.com', 'ann', 'secret1'), ('bob@example.com', 'bob', 'secret2'),
      ('cy@example.com', 'cy', 'secret3'), ('dee@example.com', 'dee', 'secret4');
    insert into users (email, username, password, failed_logins) values
      ('eve@example.com', 'eve', 'secret5', 5), ('flo@example.com', 'flo', 'secret6', 2);
    insert into teams (name, seats) values ('Rockets', 3), ('Comets', 10), ('Loners', 1);
    insert into team_members values
      (1, 1, 'admin'), (1, 2, 'admin'), (2, 1, 'admin'), (2, 3, 'member'), (3, 4, 'admin');
  `,
  routes: {
    'POST /register': async (db, input) => {
      const taken = await db.query('SELECT 1 FROM users WHERE email = $1', [input.email])
      if (taken.rows.length > 0) return { status: 409, body: { error: 'E-mail is already registered' } }
      try {
        const { rows } = await db.query<{ id: number }>(
          'INSERT INTO users (email, username, password) VALUES ($1, $2, $3) RETURNING id',
          [input.email, input.username, input.password],
        )
        return { status: 201, body: rows[0] }
      } catch (error) {
        if (error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION)
          return { status: 409, body: { error: 'E-mail is already registered' } }
        throw error
      }
    },

    'PUT /users/:id/username': async (db, input) => {
      const taken = await db.query('SELECT id FROM users WHERE username = $1 AND id <> $2', [input.username, input.id])
      if (taken.rows.length > 0) return { status: 409, body: { error: 'Username is taken' } }
      const updated = await db.query('UPDATE users SET username = $1 WHERE id = $2', [input.username, input.id])
      return { status: updated.rowCount === 0 ? 404 : 200 }
    },

    'POST /login': async (db, input) => {
      const { rows } = await db.query<{ id: number; password: string; failed_logins: number }>(
        'SELECT id, password, failed_logins FROM users WHERE email = $1',
        [input.email],
      )
      const user = rows[0]
      if (!user) return { status: 401 }
      if (user.failed_logins >= MAX_FAILED_LOGINS) return { status: 423, body: { error: 'Account is locked' } }
      if (user.password !== input.password) {
        await db.query('UPDATE users SET failed_logins = $1 WHERE id = $2', [user.failed_logins + 1, user.id])
        return { status: 401 }
      }
      return { status: 200 }
    },

    'POST /heartbeat': async (db, input) => {
      const { rows } = await db.query<{ id: number }>('SELECT id FROM users WHERE id = $1', [input.userId])
      if (!rows[0]) return { status: 401 }
      await db.query('UPDATE users SET last_seen_at = now() WHERE id = $1', [input.userId])
      return { status: 204 }
    },

    'POST /teams': async (db, input) => {
      const existing = await db.query('SELECT id FROM teams WHERE lower(name) = lower($1)', [input.name])
      if (existing.rowCount) return { status: 409, body: { error: 'There is a team of this name' } }
      try {
        await db.query('INSERT INTO teams (name, seats) VALUES ($1, 5)', [input.name])
      } catch (error) {
        if ((error as { code?: string }).code === UNIQUE_VIOLATION) return { status: 409 }
        throw error
      }
      return { status: 201 }
    },

    'POST /teams/:id/members': async (db, input) =>
      await answerHttpErrors(async () => {
        await withTransaction(db, async (client) => {
          const { rows } = await client.query<{ seats: number }>('SELECT seats FROM teams WHERE id = $1 FOR UPDATE', [
            input.id,
          ])
          const team = rows[0]
          if (!team) throw new HttpError(404, 'No such team')
          if ((await countMembers(client, input.id)) >= team.seats) throw new HttpError(409, 'All seats are taken')
          await client.query('INSERT INTO team_members (team_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
            input.id,
            input.userId,
          ])
        })
      }, 201),

    'POST /teams/:id/guests': async (db, input) =>
      await answerHttpErrors(async () => {
        await withTransaction(db, async (client) => {
          const used = await countMembers(client, input.id)
          const { rows } = await client.query<{ seats: number }>('SELECT seats FROM teams WHERE id = $1 FOR UPDATE', [
            input.id,
          ])
          const team = rows[0]
          if (!team) throw new HttpError(404, 'No such team')
          if (used >= team.seats) throw new HttpError(409, 'All seats are taken')
          await client.query(
            "INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, 'guest') ON CONFLICT DO NOTHING",
            [input.id, input.userId],
          )
        })
      }, 201),

    'DELETE /teams/:id/admins/:userId': async (db, input) =>
      await answerHttpErrors(async () => {
        await withTransaction(db, async (client) => {
          const { rows } = await client.query<{ user_id: number }>(
            "SELECT user_id FROM team_members WHERE team_id = $1 AND role = 'admin'",
            [input.id],
          )
          if (!rows.some((row) => row.user_id === input.userId)) throw new HttpError(404, 'Not an admin')
          if (rows.length === 1) throw new HttpError(409, 'A team needs an admin')
          await client.query("UPDATE team_members SET role = 'member' WHERE team_id = $1 AND user_id = $2", [
            input.id,
            input.userId,
          ])
        })
      }),

    'PATCH /teams/:id': async (db, input) => {
      const { rows } = await db.query<{ role: string }>(
        'SELECT role FROM team_members WHERE team_id = $1 AND user_id = $2',
        [input.id, input.userId],
      )
      if (rows[0]?.role !== 'admin') return { status: 403 }
      await db.query('UPDATE teams SET seats = $1 WHERE id = $2', [input.seats, input.id])
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /register', { email: 'gil@example.com', username: 'gil', password: 'secret7' }],
    ['PUT /users/:id/username', { id: 4, username: 'dee_dee' }],
    ['PUT /users/:id/username', { id: 4, username: 'bob' }],
    ['POST /login', { email: 'bob@example.com', password: 'wrong' }],
    ['POST /login', { email: 'eve@example.com', password: 'secret5' }],
    ['POST /heartbeat', { userId: 1 }],
    ['POST /teams', { name: 'Planets' }],
    ['POST /teams', { name: 'rockets' }],
    ['POST /teams/:id/members', { id: 2, userId: 4 }],
    ['POST /teams/:id/members', { id: 3, userId: 1 }],
    ['POST /teams/:id/guests', { id: 2, userId: 5 }],
    ['DELETE /teams/:id/admins/:userId', { id: 2, userId: 1 }],
    ['DELETE /teams/:id/admins/:userId', { id: 1, userId: 1 }],
    ['PATCH /teams/:id', { id: 3, userId: 4, seats: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'unique index, its violation answered',
      first: ['POST /register', { email: 'new@example.com', username: 'new', password: 'a' }],
      second: ['POST /register', { email: 'new@example.com', username: 'new', password: 'a' }],
    },
    {
      label: 'clash',
      kind: 'uniqueness by select only',
      first: ['PUT /users/:id/username', { id: 1, username: 'neo' }],
      second: ['PUT /users/:id/username', { id: 2, username: 'neo' }],
    },
    {
      label: 'clash',
      kind: 'lost update of a counter',
      first: ['POST /login', { email: 'flo@example.com', password: 'guess1' }],
      second: ['POST /login', { email: 'flo@example.com', password: 'guess2' }],
    },
    {
      label: 'safe',
      kind: 'last-seen timestamp',
      first: ['POST /heartbeat', { userId: 3 }],
      second: ['POST /heartbeat', { userId: 3 }],
    },
    {
      label: 'clash',
      kind: 'a unique index narrower than the check',
      first: ['POST /teams', { name: 'Meteors' }],
      second: ['POST /teams', { name: 'meteors' }],
    },
    {
      label: 'safe',
      kind: 'row lock before the count',
      first: ['POST /teams/:id/members', { id: 1, userId: 3 }],
      second: ['POST /teams/:id/members', { id: 1, userId: 4 }],
    },
    {
      label: 'clash',
      kind: 'late lock',
      first: ['POST /teams/:id/guests', { id: 1, userId: 3 }],
      second: ['POST /teams/:id/guests', { id: 1, userId: 4 }],
    },
    {
      label: 'clash',
      kind: 'write skew',
      first: ['DELETE /teams/:id/admins/:userId', { id: 1, userId: 1 }],
      second: ['DELETE /teams/:id/admins/:userId', { id: 1, userId: 2 }],
    },
    {
      label: 'safe',
      kind: 'a check of the role before a write of the input',
      first: ['PATCH /teams/:id', { id: 1, userId: 1, seats: 4 }],
      second: ['PATCH /teams/:id', { id: 1, userId: 2, seats: 8 }],
    },
  ],
})

export const cases: ClashCase[] = [accounts]
