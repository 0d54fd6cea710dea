import { type ClashCase, pgCase } from '../../corpus.js'
import { hasCode, withTransaction } from './transaction.js'

const register = pgCase({
  name: 'idioms pg register',
  schema: `
    create table users (
      id serial primary key,
      email text not null unique,
      username text not null,
      bio text not null default '',
      last_seen_at timestamptz
    )`,
  seed: `
    insert into users (email, username) values
      ('ada@example.com', 'ada'), ('bob@example.com', 'bob'), ('cyd@example.com', 'cyd')`,
  routes: {
    'POST /register': async (pool, input) => {
      const { email, username } = input as { email: string; username: string }
      const existing = await pool.query('SELECT id FROM users WHERE email = $1', [email.toLowerCase()])
      if (existing.rowCount) return { status: 409, body: { error: 'email is taken' } }
      try {
        const created = await pool.query<{ id: number }>(
          'INSERT INTO users (email, username) VALUES ($1, $2) RETURNING id',
          [email.toLowerCase(), username],
        )
        return { status: 201, body: created.rows[0] }
      } catch (error) {
        if (hasCode(error, '23505')) return { status: 409, body: { error: 'email is taken' } }
        throw error
      }
    },
    'PATCH /users/:id/username': async (pool, input) => {
      const { id, username } = input as { id: number; username: string }
      const taken = await pool.query('SELECT 1 FROM users WHERE username = $1 AND id <> $2', [username, id])
      if (taken.rowCount) return { status: 409, body: { error: 'username is taken' } }
      const updated = await pool.query('UPDATE users SET username = $1 WHERE id = $2 RETURNING id, username', [
        username,
        id,
      ])
      return updated.rowCount ? { status: 200, body: updated.rows[0] } : { status: 404 }
    },
    'PUT /users/:id/bio': async (pool, input) => {
      const { id, bio } = input as { id: number; bio: string }
      const user = await pool.query('SELECT * FROM users WHERE id = $1', [id])
      if (user.rows.length === 0) return { status: 404 }
      await pool.query('UPDATE users SET bio = $1, last_seen_at = now() WHERE id = $2', [bio, id])
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /register', { email: 'dan@example.com', username: 'dan' }],
    ['POST /register', { email: 'Ada@example.com', username: 'ada2' }],
    ['POST /register', { email: 'eve@example.com', username: 'eve' }],
    ['PATCH /users/:id/username', { id: 2, username: 'bobby' }],
    ['PATCH /users/:id/username', { id: 3, username: 'ada' }],
    ['PATCH /users/:id/username', { id: 99, username: 'nobody' }],
    ['PUT /users/:id/bio', { id: 1, bio: 'Writes programs.' }],
    ['PUT /users/:id/bio', { id: 3, bio: 'Likes tea.' }],
    ['PUT /users/:id/bio', { id: 77, bio: '' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'unique index, 23505 handled',
      first: ['POST /register', { email: 'fay@example.com', username: 'fay' }],
      second: ['POST /register', { email: 'fay@example.com', username: 'fay_b' }],
    },
    {
      label: 'clash',
      kind: 'check without a unique index',
      first: ['PATCH /users/:id/username', { id: 1, username: 'neo' }],
      second: ['PATCH /users/:id/username', { id: 2, username: 'neo' }],
    },
    {
      label: 'safe',
      kind: 'overwrite after a 404 check',
      first: ['PUT /users/:id/bio', { id: 1, bio: 'one' }],
      second: ['PUT /users/:id/bio', { id: 1, bio: 'two' }],
    },
  ],
})

const transfers = pgCase({
  name: 'idioms pg bank transfers',
  schema: `
    create table accounts (id int primary key, owner text not null, balance numeric(12, 2) not null);
    create table transfers (
      id bigserial primary key,
      from_id int not null references accounts,
      to_id int not null references accounts,
      amount numeric(12, 2) not null
    )`,
  seed: `insert into accounts values (1, 'ada', 100), (2, 'bob', 50), (3, 'cyd', 20), (4, 'dan', 0)`,
  routes: {
    'POST /transfers': async (pool, input) => {
      const { from, to, amount } = input as { from: number; to: number; amount: number }
      return await withTransaction(pool, async (client) => {
        const source = await client.query<{ balance: string }>('SELECT balance FROM accounts WHERE id = $1', [from])
        if (!source.rows[0]) return { status: 404 }
        if (Number(source.rows[0].balance) < amount) return { status: 422, body: { error: 'insufficient funds' } }
        await client.query('UPDATE accounts SET balance = balance - $1 WHERE id = $2', [amount, from])
        await client.query('UPDATE accounts SET balance = balance + $1 WHERE id = $2', [amount, to])
        await client.query('INSERT INTO transfers (from_id, to_id, amount) VALUES ($1, $2, $3)', [from, to, amount])
        return { status: 201 }
      })
    },
    'POST /v2/transfers': async (pool, input) => {
      const { from, to, amount } = input as { from: number; to: number; amount: number }
      return await withTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: number; balance: string }>(
          'SELECT id, balance FROM accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE',
          [[from, to]],
        )
        const source = rows.find((row) => row.id === from)
        const target = rows.find((row) => row.id === to)
        if (!source || !target) return { status: 404 }
        if (Number(source.balance) < amount) return { status: 422, body: { error: 'insufficient funds' } }
        await client.query('UPDATE accounts SET balance = $1 WHERE id = $2', [Number(source.balance) - amount, from])
        await client.query('UPDATE accounts SET balance = $1 WHERE id = $2', [Number(target.balance) + amount, to])
        await client.query('INSERT INTO transfers (from_id, to_id, amount) VALUES ($1, $2, $3)', [from, to, amount])
        return { status: 201 }
      })
    },
  },
  traffic: [
    ['POST /transfers', { from: 1, to: 2, amount: 10 }],
    ['POST /transfers', { from: 3, to: 2, amount: 500 }],
    ['POST /transfers', { from: 9, to: 2, amount: 5 }],
    ['POST /transfers', { from: 2, to: 4, amount: 5 }],
    ['POST /v2/transfers', { from: 1, to: 3, amount: 10 }],
    ['POST /v2/transfers', { from: 4, to: 3, amount: 1000 }],
    ['POST /v2/transfers', { from: 8, to: 3, amount: 1 }],
    ['POST /v2/transfers', { from: 2, to: 1, amount: 15 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'balance checked, then decremented',
      first: ['POST /transfers', { from: 1, to: 2, amount: 80 }],
      second: ['POST /transfers', { from: 1, to: 3, amount: 70 }],
    },
    {
      label: 'safe',
      kind: 'row locks first, in order',
      first: ['POST /v2/transfers', { from: 1, to: 2, amount: 80 }],
      second: ['POST /v2/transfers', { from: 1, to: 3, amount: 70 }],
    },
    {
      label: 'safe',
      kind: 'row locks first, in order',
      first: ['POST /v2/transfers', { from: 1, to: 2, amount: 40 }],
      second: ['POST /v2/transfers', { from: 2, to: 1, amount: 30 }],
    },
  ],
})

const sessions = pgCase({
  name: 'idioms pg refresh tokens',
  schema: `
    create table refresh_tokens (
      id bigserial primary key,
      user_id uuid not null,
      token_hash text not null unique,
      revoked boolean not null default false,
      replaced_by text
    )`,
  seed: `
    insert into refresh_tokens (user_id, token_hash, revoked) values
      ('00000000-0000-4000-8000-000000000001', 'h-ada-1', false),
      ('00000000-0000-4000-8000-000000000001', 'h-ada-0', true),
      ('00000000-0000-4000-8000-000000000002', 'h-bob-1', false),
      ('00000000-0000-4000-8000-000000000003', 'h-cyd-1', false)`,
  routes: {
    'POST /auth/refresh': async (pool, input) => {
      const { tokenHash, nextHash } = input as { tokenHash: string; nextHash: string }
      const { rows } = await pool.query<{ id: string; user_id: string; revoked: boolean }>(
        'SELECT id, user_id, revoked FROM refresh_tokens WHERE token_hash = $1',
        [tokenHash],
      )
      const token = rows[0]
      if (!token || token.revoked) return { status: 401 }
      await withTransaction(pool, async (client) => {
        await client.query('UPDATE refresh_tokens SET revoked = true, replaced_by = $1 WHERE id = $2', [
          nextHash,
          token.id,
        ])
        await client.query('INSERT INTO refresh_tokens (user_id, token_hash) VALUES ($1, $2)', [
          token.user_id,
          nextHash,
        ])
      })
      return { status: 200 }
    },
    'POST /v2/auth/refresh': async (pool, input) => {
      const { tokenHash, nextHash } = input as { tokenHash: string; nextHash: string }
      return await withTransaction(pool, async (client) => {
        const { rows } = await client.query<{ user_id: string }>(
          `UPDATE refresh_tokens SET revoked = true, replaced_by = $2
           WHERE token_hash = $1 AND NOT revoked RETURNING user_id`,
          [tokenHash, nextHash],
        )
        if (!rows[0]) return { status: 401 }
        await client.query('INSERT INTO refresh_tokens (user_id, token_hash) VALUES ($1, $2)', [
          rows[0].user_id,
          nextHash,
        ])
        return { status: 200 }
      })
    },
    'POST /auth/logout-everywhere': async (pool, input) => {
      await pool.query('UPDATE refresh_tokens SET revoked = true WHERE user_id = $1', [input.userId])
      return { status: 204 }
    },
  },
  traffic: [
    ['POST /auth/refresh', { tokenHash: 'h-bob-1', nextHash: 'h-bob-2' }],
    ['POST /auth/refresh', { tokenHash: 'h-bob-1', nextHash: 'h-bob-3' }],
    ['POST /auth/refresh', { tokenHash: 'h-unknown', nextHash: 'h-x' }],
    ['POST /v2/auth/refresh', { tokenHash: 'h-bob-2', nextHash: 'h-bob-4' }],
    ['POST /v2/auth/refresh', { tokenHash: 'h-ada-0', nextHash: 'h-ada-9' }],
    ['POST /v2/auth/refresh', { tokenHash: 'h-cyd-1', nextHash: 'h-cyd-2' }],
    ['POST /auth/refresh', { tokenHash: 'h-cyd-2', nextHash: 'h-cyd-3' }],
    ['POST /auth/logout-everywhere', { userId: '00000000-0000-4000-8000-000000000002' }],
    ['POST /auth/logout-everywhere', { userId: '00000000-0000-4000-8000-000000000003' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'token used twice',
      first: ['POST /auth/refresh', { tokenHash: 'h-ada-1', nextHash: 'h-ada-2' }],
      second: ['POST /auth/refresh', { tokenHash: 'h-ada-1', nextHash: 'h-ada-3' }],
    },
    {
      label: 'safe',
      kind: 'conditional update',
      first: ['POST /v2/auth/refresh', { tokenHash: 'h-ada-1', nextHash: 'h-ada-2' }],
      second: ['POST /v2/auth/refresh', { tokenHash: 'h-ada-1', nextHash: 'h-ada-3' }],
    },
    {
      label: 'safe',
      kind: 'idempotent constant',
      first: ['POST /auth/logout-everywhere', { userId: '00000000-0000-4000-8000-000000000001' }],
      second: ['POST /auth/logout-everywhere', { userId: '00000000-0000-4000-8000-000000000001' }],
    },
    {
      label: 'clash',
      kind: 'a new token slips past the revocation',
      first: ['POST /v2/auth/refresh', { tokenHash: 'h-ada-1', nextHash: 'h-ada-2' }],
      second: ['POST /auth/logout-everywhere', { userId: '00000000-0000-4000-8000-000000000001' }],
    },
  ],
})

const bonus = pgCase({
  name: 'idioms pg daily bonus',
  schema: `
    create table players (id int primary key, coins int not null default 0, bonus_day date);
    create table player_events (id bigserial primary key, player_id int not null, event text not null);
    create function claim_bonus(player int, day date) returns boolean language plpgsql as $$
    declare claimed date;
    begin
      select bonus_day into claimed from players where id = player;
      if claimed = day then return false; end if;
      update players set coins = coins + 50, bonus_day = day where id = player;
      return true;
    end $$`,
  seed: `insert into players values (1, 0, null), (2, 10, '2026-01-01'), (3, 5, null), (4, 0, '2026-01-02')`,
  routes: {
    'POST /players/:id/bonus': async (pool, input) => {
      const { id, day } = input as { id: number; day: string }
      return await withTransaction(pool, async (client) => {
        const { rows } = await client.query<{ claimed: boolean }>('SELECT claim_bonus($1, $2) AS claimed', [id, day])
        if (!rows[0]?.claimed) return { status: 409 }
        await client.query('INSERT INTO player_events (player_id, event) VALUES ($1, $2)', [id, 'bonus'])
        return { status: 200 }
      })
    },
    'GET /players/:id': async (pool, input) => {
      const { rows } = await pool.query('SELECT id, coins FROM players WHERE id = $1', [input.id])
      return rows[0] ? { status: 200, body: rows[0] } : { status: 404 }
    },
  },
  traffic: [
    ['POST /players/:id/bonus', { id: 2, day: '2026-01-01' }],
    ['POST /players/:id/bonus', { id: 2, day: '2026-01-02' }],
    ['POST /players/:id/bonus', { id: 4, day: '2026-01-02' }],
    ['POST /players/:id/bonus', { id: 3, day: '2026-01-02' }],
    ['GET /players/:id', { id: 1 }],
    ['GET /players/:id', { id: 9 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check and update inside of a function',
      first: ['POST /players/:id/bonus', { id: 1, day: '2026-01-02' }],
      second: ['POST /players/:id/bonus', { id: 1, day: '2026-01-02' }],
      hidden: 'The read and the write are in the body of claim_bonus.',
    },
  ],
})

export const cases: ClashCase[] = [register, transfers, sessions, bonus]
