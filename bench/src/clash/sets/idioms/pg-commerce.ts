import { type ClashCase, pgCase } from '../../corpus.js'
import { withTransaction } from './transaction.js'

const coupons = pgCase({
  name: 'idioms pg coupons',
  schema: `
    create table coupons (
      code text primary key,
      percent int not null,
      max_uses int not null,
      used int not null default 0,
      expires_on date not null
    );
    create table redemptions (id serial primary key, code text not null references coupons, user_id int not null)`,
  seed: `
    insert into coupons values
      ('WELCOME', 10, 100, 3, '2030-01-01'), ('LAST1', 50, 5, 4, '2030-01-01'),
      ('GONE', 20, 2, 2, '2030-01-01'), ('OLD', 20, 10, 0, '2020-01-01');
    insert into redemptions (code, user_id) values ('WELCOME', 1), ('WELCOME', 2)`,
  routes: {
    'POST /coupons/redeem': async (pool, input) => {
      const { code, userId } = input as { code: string; userId: number }
      const before = await pool.query('SELECT 1 FROM redemptions WHERE code = $1 AND user_id = $2', [code, userId])
      if (before.rowCount) return { status: 409, body: { error: 'already used' } }
      return await withTransaction(pool, async (client) => {
        const coupon = await client.query<{ percent: number }>(
          `UPDATE coupons SET used = used + 1
           WHERE code = $1 AND used < max_uses AND expires_on > current_date RETURNING percent`,
          [code],
        )
        if (!coupon.rows[0]) return { status: 422, body: { error: 'coupon is not valid' } }
        await client.query('INSERT INTO redemptions (code, user_id) VALUES ($1, $2)', [code, userId])
        return { status: 200, body: { percent: coupon.rows[0].percent } }
      })
    },
    'POST /v2/coupons/redeem': async (pool, input) => {
      const { code, userId } = input as { code: string; userId: number }
      return await withTransaction(pool, async (client) => {
        const found = await client.query<{ max_uses: number; used: number; percent: number }>(
          'SELECT max_uses, used, percent FROM coupons WHERE code = $1 AND expires_on > current_date FOR UPDATE',
          [code],
        )
        const coupon = found.rows[0]
        if (!coupon || coupon.used >= coupon.max_uses) return { status: 422, body: { error: 'coupon is not valid' } }
        const before = await client.query('SELECT 1 FROM redemptions WHERE code = $1 AND user_id = $2', [code, userId])
        if (before.rowCount) return { status: 409, body: { error: 'already used' } }
        await client.query('UPDATE coupons SET used = $2 WHERE code = $1', [code, coupon.used + 1])
        await client.query('INSERT INTO redemptions (code, user_id) VALUES ($1, $2)', [code, userId])
        return { status: 200, body: { percent: coupon.percent } }
      })
    },
  },
  traffic: [
    ['POST /coupons/redeem', { code: 'WELCOME', userId: 1 }],
    ['POST /coupons/redeem', { code: 'WELCOME', userId: 3 }],
    ['POST /coupons/redeem', { code: 'GONE', userId: 3 }],
    ['POST /coupons/redeem', { code: 'OLD', userId: 3 }],
    ['POST /v2/coupons/redeem', { code: 'WELCOME', userId: 4 }],
    ['POST /v2/coupons/redeem', { code: 'WELCOME', userId: 2 }],
    ['POST /v2/coupons/redeem', { code: 'GONE', userId: 5 }],
    ['POST /v2/coupons/redeem', { code: 'NOPE', userId: 5 }],
    ['POST /coupons/redeem', { code: 'LAST1', userId: 5 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'one per user, checked before the transaction',
      first: ['POST /coupons/redeem', { code: 'WELCOME', userId: 7 }],
      second: ['POST /coupons/redeem', { code: 'WELCOME', userId: 7 }],
    },
    {
      label: 'safe',
      kind: 'conditional update on the last use',
      first: ['POST /coupons/redeem', { code: 'LAST1', userId: 7 }],
      second: ['POST /coupons/redeem', { code: 'LAST1', userId: 8 }],
    },
    {
      label: 'safe',
      kind: 'row lock first',
      first: ['POST /v2/coupons/redeem', { code: 'WELCOME', userId: 7 }],
      second: ['POST /v2/coupons/redeem', { code: 'WELCOME', userId: 7 }],
    },
  ],
})

const orders = pgCase({
  name: 'idioms pg order states',
  schema: `
    create table orders (
      id bigint primary key,
      customer text not null,
      total_cents int not null,
      status text not null default 'pending'
    );
    create table payments (id bigserial primary key, order_id bigint not null references orders, cents int not null);
    create table order_notes (id bigserial primary key, order_id bigint not null references orders, note text not null)`,
  seed: `
    insert into orders values
      (101, 'ada', 2500, 'pending'), (102, 'bob', 900, 'pending'), (103, 'cyd', 100, 'paid'),
      (104, 'dan', 4000, 'cancelled'), (105, 'eve', 700, 'pending')`,
  routes: {
    'POST /orders/:id/pay': async (pool, input) =>
      await withTransaction(pool, async (client) => {
        const { rows } = await client.query<{ status: string; total_cents: number }>(
          'SELECT status, total_cents FROM orders WHERE id = $1',
          [input.id],
        )
        const order = rows[0]
        if (!order) return { status: 404 }
        if (order.status !== 'pending') return { status: 409, body: { status: order.status } }
        await client.query('INSERT INTO payments (order_id, cents) VALUES ($1, $2)', [input.id, order.total_cents])
        await client.query("UPDATE orders SET status = 'paid' WHERE id = $1", [input.id])
        return { status: 200 }
      }),
    'POST /orders/:id/cancel': async (pool, input) => {
      const { rows } = await pool.query<{ status: string }>('SELECT status FROM orders WHERE id = $1', [input.id])
      if (!rows[0]) return { status: 404 }
      if (rows[0].status !== 'pending') return { status: 409 }
      await pool.query("UPDATE orders SET status = 'cancelled' WHERE id = $1", [input.id])
      return { status: 200 }
    },
    'POST /v2/orders/:id/pay': async (pool, input) =>
      await withTransaction(pool, async (client) => {
        const { rows } = await client.query<{ total_cents: number }>(
          "UPDATE orders SET status = 'paid' WHERE id = $1 AND status = 'pending' RETURNING total_cents",
          [input.id],
        )
        if (!rows[0]) return { status: 409 }
        await client.query('INSERT INTO payments (order_id, cents) VALUES ($1, $2)', [input.id, rows[0].total_cents])
        return { status: 200 }
      }),
    'POST /v2/orders/:id/cancel': async (pool, input) => {
      const cancelled = await pool.query(
        "UPDATE orders SET status = 'cancelled' WHERE id = $1 AND status IN ('pending', 'on_hold')",
        [input.id],
      )
      return { status: cancelled.rowCount ? 200 : 409 }
    },
    'POST /orders/:id/notes': async (pool, input) => {
      const order = await pool.query<{ status: string }>('SELECT id, status FROM orders WHERE id = $1', [input.id])
      if (!order.rows[0]) return { status: 404 }
      await pool.query('INSERT INTO order_notes (order_id, note) VALUES ($1, $2)', [input.id, input.note])
      return { status: 201, body: { orderStatus: order.rows[0].status } }
    },
  },
  traffic: [
    ['POST /orders/:id/pay', { id: 105 }],
    ['POST /orders/:id/pay', { id: 104 }],
    ['POST /orders/:id/pay', { id: 900 }],
    ['POST /orders/:id/cancel', { id: 103 }],
    ['POST /orders/:id/cancel', { id: 102 }],
    ['POST /orders/:id/cancel', { id: 901 }],
    ['POST /v2/orders/:id/pay', { id: 101 }],
    ['POST /v2/orders/:id/pay', { id: 102 }],
    ['POST /v2/orders/:id/cancel', { id: 104 }],
    ['POST /orders/:id/notes', { id: 103, note: 'Ring twice.' }],
    ['POST /orders/:id/notes', { id: 101, note: 'Gift wrap.' }],
    ['POST /orders/:id/notes', { id: 900, note: '?' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'state machine, checked in JavaScript',
      first: ['POST /orders/:id/pay', { id: 101 }],
      second: ['POST /orders/:id/cancel', { id: 101 }],
    },
    {
      label: 'clash',
      kind: 'paid twice',
      first: ['POST /orders/:id/pay', { id: 102 }],
      second: ['POST /orders/:id/pay', { id: 102 }],
    },
    {
      label: 'safe',
      kind: 'conditional update on both sides',
      first: ['POST /v2/orders/:id/pay', { id: 101 }],
      second: ['POST /v2/orders/:id/cancel', { id: 101 }],
    },
    {
      label: 'safe',
      kind: 'read for a check of existence and for display',
      first: ['POST /orders/:id/notes', { id: 101, note: 'Leave it at the door.' }],
      second: ['POST /v2/orders/:id/cancel', { id: 101 }],
    },
  ],
})

const todos = pgCase({
  name: 'idioms pg todos',
  schema: `
    create table todos (
      id serial primary key,
      user_id int not null,
      title text not null,
      done boolean not null default false,
      position int not null
    );
    create table activity (id bigserial primary key, user_id int not null, action text not null)`,
  seed: `
    insert into todos (user_id, title, done, position) values
      (1, 'milk', false, 1), (1, 'bread', true, 2), (2, 'taxes', false, 1), (2, 'paint', false, 2), (3, 'run', false, 1)`,
  routes: {
    'POST /todos': async (pool, input) => {
      const { userId, title } = input as { userId: number; title: string }
      if (!title.trim()) return { status: 400 }
      return await withTransaction(pool, async (client) => {
        const created = await client.query(
          `INSERT INTO todos (user_id, title, position)
           SELECT $1::int, $2::text, coalesce(max(position), 0) + 1 FROM todos WHERE user_id = $1
           RETURNING *`,
          [userId, title],
        )
        await client.query('INSERT INTO activity (user_id, action) VALUES ($1, $2)', [userId, 'todo.created'])
        return { status: 201, body: created.rows[0] }
      })
    },
    'POST /todos/:id/toggle': async (pool, input) => {
      const { id, userId } = input as { id: number; userId: number }
      const { rows } = await pool.query<{ done: boolean }>('SELECT done FROM todos WHERE id = $1 AND user_id = $2', [
        id,
        userId,
      ])
      if (!rows[0]) return { status: 404 }
      await pool.query('UPDATE todos SET done = $1 WHERE id = $2', [!rows[0].done, id])
      return { status: 200, body: { done: !rows[0].done } }
    },
    'POST /v2/todos/:id/toggle': async (pool, input) => {
      const { rows } = await pool.query(
        'UPDATE todos SET done = NOT done WHERE id = $1 AND user_id = $2 RETURNING done',
        [input.id, input.userId],
      )
      return rows[0] ? { status: 200, body: rows[0] } : { status: 404 }
    },
    'PATCH /todos/:id': async (pool, input) => {
      const { id, userId, title } = input as { id: number; userId: number; title: string }
      const { rows } = await pool.query<{ user_id: number }>('SELECT user_id FROM todos WHERE id = $1', [id])
      if (!rows[0]) return { status: 404 }
      if (rows[0].user_id !== userId) return { status: 403 }
      await pool.query('UPDATE todos SET title = $1 WHERE id = $2', [title, id])
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /todos', { userId: 1, title: 'eggs' }],
    ['POST /todos', { userId: 4, title: 'first' }],
    ['POST /todos', { userId: 1, title: ' ' }],
    ['POST /todos/:id/toggle', { id: 1, userId: 1 }],
    ['POST /todos/:id/toggle', { id: 1, userId: 2 }],
    ['POST /todos/:id/toggle', { id: 3, userId: 2 }],
    ['POST /v2/todos/:id/toggle', { id: 2, userId: 1 }],
    ['POST /v2/todos/:id/toggle', { id: 99, userId: 1 }],
    ['PATCH /todos/:id', { id: 4, userId: 2, title: 'paint the fence' }],
    ['PATCH /todos/:id', { id: 4, userId: 1, title: 'mine' }],
    ['PATCH /todos/:id', { id: 5, userId: 3, title: 'run far' }],
    ['PATCH /todos/:id', { id: 70, userId: 3, title: '' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'max + 1 in one statement',
      first: ['POST /todos', { userId: 1, title: 'salt' }],
      second: ['POST /todos', { userId: 1, title: 'pepper' }],
    },
    {
      label: 'clash',
      kind: 'toggle in JavaScript',
      first: ['POST /todos/:id/toggle', { id: 1, userId: 1 }],
      second: ['POST /todos/:id/toggle', { id: 1, userId: 1 }],
    },
    {
      label: 'safe',
      kind: 'toggle in one statement',
      first: ['POST /v2/todos/:id/toggle', { id: 1, userId: 1 }],
      second: ['POST /v2/todos/:id/toggle', { id: 1, userId: 1 }],
    },
    {
      label: 'safe',
      kind: 'owner check, then overwrite',
      first: ['PATCH /todos/:id', { id: 1, userId: 1, title: 'oat milk' }],
      second: ['PATCH /todos/:id', { id: 1, userId: 1, title: 'soy milk' }],
    },
  ],
})

export const cases: ClashCase[] = [coupons, orders, todos]
