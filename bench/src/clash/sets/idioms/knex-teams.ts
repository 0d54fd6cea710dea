import { type ClashCase, knexCase } from '../../corpus.js'

const library = knexCase({
  name: 'idioms knex library loans',
  schema: `
    create table books (id int primary key, title text not null, copies int not null);
    create table loans (
      id serial primary key,
      book_id int not null references books,
      member_id int not null,
      returned boolean not null default false
    )`,
  seed: `
    insert into books values (1, 'Dune', 2), (2, 'Emma', 1), (3, 'Ulysses', 5);
    insert into loans (book_id, member_id, returned) values (1, 1, false), (1, 2, true), (2, 3, false)`,
  routes: {
    'POST /loans': async (knex, input) => {
      const { bookId, memberId } = input as { bookId: number; memberId: number }
      return await knex.transaction(async (trx) => {
        const book = await trx<{ id: number; copies: number }>('books').where({ id: bookId }).first()
        if (!book) return { status: 404 }
        const out = await trx('loans').where({ book_id: bookId, returned: false }).count<{ count: string }[]>()
        if (Number(out[0]!.count) >= book.copies) return { status: 409 }
        await trx('loans').insert({ book_id: bookId, member_id: memberId })
        return { status: 201 }
      })
    },
    'POST /v2/loans': async (knex, input) => {
      const { bookId, memberId } = input as { bookId: number; memberId: number }
      return await knex.transaction(async (trx) => {
        const book = await trx<{ id: number; copies: number }>('books').where({ id: bookId }).forUpdate().first()
        if (!book) return { status: 404 }
        const out = await trx('loans').where({ book_id: bookId, returned: false }).count<{ count: string }[]>()
        if (Number(out[0]!.count) >= book.copies) return { status: 409 }
        await trx('loans').insert({ book_id: bookId, member_id: memberId })
        return { status: 201 }
      })
    },
    'POST /loans/return': async (knex, input) => {
      const { bookId, memberId } = input as { bookId: number; memberId: number }
      const returned = await knex('loans')
        .where({ book_id: bookId, member_id: memberId, returned: false })
        .update({ returned: true })
      return { status: returned ? 200 : 404 }
    },
  },
  traffic: [
    ['POST /loans', { bookId: 3, memberId: 1 }],
    ['POST /loans', { bookId: 2, memberId: 1 }],
    ['POST /loans', { bookId: 30, memberId: 1 }],
    ['POST /v2/loans', { bookId: 3, memberId: 2 }],
    ['POST /v2/loans', { bookId: 2, memberId: 2 }],
    ['POST /v2/loans', { bookId: 31, memberId: 2 }],
    ['POST /loans/return', { bookId: 3, memberId: 2 }],
    ['POST /loans/return', { bookId: 2, memberId: 3 }],
    ['POST /loans/return', { bookId: 2, memberId: 3 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'count, then insert, in a transaction without locks',
      first: ['POST /loans', { bookId: 1, memberId: 7 }],
      second: ['POST /loans', { bookId: 1, memberId: 8 }],
    },
    {
      label: 'safe',
      kind: 'lock on the parent row first',
      first: ['POST /v2/loans', { bookId: 1, memberId: 7 }],
      second: ['POST /v2/loans', { bookId: 1, memberId: 8 }],
    },
    {
      label: 'clash',
      kind: 'one route locks, the other does not',
      first: ['POST /v2/loans', { bookId: 1, memberId: 7 }],
      second: ['POST /loans', { bookId: 1, memberId: 8 }],
    },
    {
      label: 'safe',
      kind: 'a return next to the last loan',
      first: ['POST /loans/return', { bookId: 2, memberId: 3 }],
      second: ['POST /v2/loans', { bookId: 2, memberId: 8 }],
    },
  ],
})

interface Vote {
  poll_id: number
  user_id: number
  option_id: number
}

const polls = knexCase({
  name: 'idioms knex polls',
  schema: `
    create table poll_options (id int primary key, poll_id int not null, label text not null, votes int not null default 0);
    create table votes (
      poll_id int not null, user_id int not null, option_id int not null references poll_options,
      primary key (poll_id, user_id)
    )`,
  seed: `
    insert into poll_options values (1, 1, 'tea', 1), (2, 1, 'coffee', 1), (3, 1, 'water', 0), (4, 2, 'yes', 0), (5, 2, 'no', 1);
    insert into votes values (1, 1, 1), (1, 2, 2), (2, 1, 5)`,
  routes: {
    'POST /polls/:pollId/votes': async (knex, input) => {
      const { pollId, userId, optionId } = input as { pollId: number; userId: number; optionId: number }
      return await knex.transaction(async (trx) => {
        const [vote] = await trx('votes')
          .insert({ poll_id: pollId, user_id: userId, option_id: optionId })
          .onConflict(['poll_id', 'user_id'])
          .ignore()
          .returning('option_id')
        if (!vote) return { status: 409 }
        await trx('poll_options').where({ id: optionId }).increment('votes')
        return { status: 201 }
      })
    },
    'PUT /polls/:pollId/votes': async (knex, input) => {
      const { pollId, userId, optionId } = input as { pollId: number; userId: number; optionId: number }
      return await knex.transaction(async (trx) => {
        const vote = await trx<Vote>('votes').where({ poll_id: pollId, user_id: userId }).first()
        if (!vote) return { status: 404 }
        if (vote.option_id === optionId) return { status: 200 }
        await trx('votes').where({ poll_id: pollId, user_id: userId }).update({ option_id: optionId })
        await trx('poll_options').where({ id: vote.option_id }).decrement('votes', 1)
        await trx('poll_options').where({ id: optionId }).increment('votes', 1)
        return { status: 200 }
      })
    },
    'PUT /v2/polls/:pollId/votes': async (knex, input) => {
      const { pollId, userId, optionId } = input as { pollId: number; userId: number; optionId: number }
      const trx = await knex.transaction()
      try {
        const vote = await trx<Vote>('votes').where({ poll_id: pollId, user_id: userId }).forUpdate().first()
        if (!vote) {
          await trx.rollback()
          return { status: 404 }
        }
        if (vote.option_id !== optionId) {
          await trx('votes').where({ poll_id: pollId, user_id: userId }).update({ option_id: optionId })
          await trx('poll_options').where({ id: vote.option_id }).decrement('votes', 1)
          await trx('poll_options').where({ id: optionId }).increment('votes', 1)
        }
        await trx.commit()
        return { status: 200 }
      } catch (error) {
        await trx.rollback()
        throw error
      }
    },
  },
  traffic: [
    ['POST /polls/:pollId/votes', { pollId: 2, userId: 3, optionId: 4 }],
    ['POST /polls/:pollId/votes', { pollId: 1, userId: 3, optionId: 3 }],
    ['POST /polls/:pollId/votes', { pollId: 1, userId: 2, optionId: 3 }],
    ['PUT /polls/:pollId/votes', { pollId: 2, userId: 1, optionId: 4 }],
    ['PUT /polls/:pollId/votes', { pollId: 1, userId: 2, optionId: 2 }],
    ['PUT /polls/:pollId/votes', { pollId: 1, userId: 9, optionId: 2 }],
    ['PUT /polls/:pollId/votes', { pollId: 1, userId: 3, optionId: 1 }],
    ['PUT /v2/polls/:pollId/votes', { pollId: 1, userId: 3, optionId: 2 }],
    ['PUT /v2/polls/:pollId/votes', { pollId: 2, userId: 1, optionId: 5 }],
    ['PUT /v2/polls/:pollId/votes', { pollId: 2, userId: 8, optionId: 5 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'on conflict ignore, then an increment',
      first: ['POST /polls/:pollId/votes', { pollId: 1, userId: 7, optionId: 1 }],
      second: ['POST /polls/:pollId/votes', { pollId: 1, userId: 7, optionId: 2 }],
    },
    {
      label: 'clash',
      kind: 'decrement of what was read before',
      first: ['PUT /polls/:pollId/votes', { pollId: 1, userId: 1, optionId: 2 }],
      second: ['PUT /polls/:pollId/votes', { pollId: 1, userId: 1, optionId: 3 }],
    },
    {
      label: 'safe',
      kind: 'row lock first',
      first: ['PUT /v2/polls/:pollId/votes', { pollId: 1, userId: 1, optionId: 2 }],
      second: ['PUT /v2/polls/:pollId/votes', { pollId: 1, userId: 1, optionId: 3 }],
    },
  ],
})

const shifts = knexCase({
  name: 'idioms knex volunteer shifts',
  schema: `
    create table shifts (id int primary key, starts_at timestamptz not null, capacity int not null, taken int not null);
    create table signups (
      shift_id int not null references shifts, volunteer text not null, checked_in_at timestamptz,
      primary key (shift_id, volunteer)
    )`,
  seed: `
    insert into shifts values
      (1, '2026-07-01T08:00Z', 3, 2), (2, '2026-07-01T12:00Z', 4, 1), (3, '2026-07-02T08:00Z', 1, 1);
    insert into signups (shift_id, volunteer) values (1, 'ada'), (1, 'bob'), (2, 'ada'), (3, 'cyd')`,
  routes: {
    'POST /shifts/:id/signups': async (knex, input) => {
      const { id, volunteer } = input as { id: number; volunteer: string }
      return await knex.transaction(async (trx) => {
        const taken = await trx('shifts').where({ id }).where('taken', '<', trx.ref('capacity')).increment('taken', 1)
        if (!taken) return { status: 409 }
        await trx('signups').insert({ shift_id: id, volunteer })
        return { status: 201 }
      })
    },
    'DELETE /shifts/:id/signups': async (knex, input) => {
      const { id, volunteer } = input as { id: number; volunteer: string }
      const signup = await knex('signups').where({ shift_id: id, volunteer }).first()
      if (!signup) return { status: 404 }
      await knex.transaction(async (trx) => {
        await trx('signups').where({ shift_id: id, volunteer }).del()
        await trx('shifts').where({ id }).decrement('taken', 1)
      })
      return { status: 204 }
    },
    'POST /shifts/:id/check-in': async (knex, input) => {
      const { id, volunteer } = input as { id: number; volunteer: string }
      const done = await knex('signups')
        .where({ shift_id: id, volunteer })
        .whereNull('checked_in_at')
        .update({ checked_in_at: knex.fn.now() })
      return { status: done ? 200 : 409 }
    },
  },
  traffic: [
    ['POST /shifts/:id/signups', { id: 2, volunteer: 'dan' }],
    ['POST /shifts/:id/signups', { id: 3, volunteer: 'dan' }],
    ['POST /shifts/:id/signups', { id: 2, volunteer: 'eve' }],
    ['DELETE /shifts/:id/signups', { id: 2, volunteer: 'eve' }],
    ['DELETE /shifts/:id/signups', { id: 2, volunteer: 'fay' }],
    ['POST /shifts/:id/check-in', { id: 2, volunteer: 'dan' }],
    ['POST /shifts/:id/check-in', { id: 2, volunteer: 'dan' }],
    ['POST /shifts/:id/check-in', { id: 3, volunteer: 'cyd' }],
    ['DELETE /shifts/:id/signups', { id: 3, volunteer: 'cyd' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'counter below the capacity in the update',
      first: ['POST /shifts/:id/signups', { id: 1, volunteer: 'gus' }],
      second: ['POST /shifts/:id/signups', { id: 1, volunteer: 'hal' }],
    },
    {
      label: 'clash',
      kind: 'decremented by both who found the row',
      first: ['DELETE /shifts/:id/signups', { id: 1, volunteer: 'ada' }],
      second: ['DELETE /shifts/:id/signups', { id: 1, volunteer: 'ada' }],
    },
    {
      label: 'safe',
      kind: 'conditional update',
      first: ['POST /shifts/:id/check-in', { id: 1, volunteer: 'ada' }],
      second: ['POST /shifts/:id/check-in', { id: 1, volunteer: 'ada' }],
    },
  ],
})

const kanban = knexCase({
  name: 'idioms knex kanban board',
  schema: `
    create table board_columns (id text primary key, wip_limit int not null);
    create table cards (
      id uuid primary key default gen_random_uuid(),
      column_id text not null references board_columns,
      title text not null,
      labels text[] not null default '{}'
    )`,
  seed: `
    insert into board_columns values ('todo', 100), ('doing', 2), ('done', 100);
    insert into cards (id, column_id, title, labels) values
      ('d0000000-0000-4000-8000-000000000001', 'todo', 'login', '{ui}'),
      ('d0000000-0000-4000-8000-000000000002', 'todo', 'search', '{}'),
      ('d0000000-0000-4000-8000-000000000003', 'doing', 'export', '{api}'),
      ('d0000000-0000-4000-8000-000000000004', 'done', 'setup', '{}')`,
  routes: {
    'POST /cards/:id/move': async (knex, input) => {
      const { id, to } = input as { id: string; to: string }
      const column = await knex<{ id: string; wip_limit: number }>('board_columns').where({ id: to }).first()
      if (!column) return { status: 404 }
      const [{ count } = { count: 0 }] = await knex('cards').where({ column_id: to }).count({ count: '*' })
      if (Number(count) >= column.wip_limit) return { status: 409, body: { error: 'limit of the column' } }
      const moved = await knex('cards').where({ id }).update({ column_id: to })
      return { status: moved ? 200 : 404 }
    },
    'PATCH /cards/:id': async (knex, input) => {
      const { id, title } = input as { id: string; title: string }
      const card = await knex('cards').where({ id }).first()
      if (!card) return { status: 404 }
      await knex('cards').where({ id }).update({ title })
      return { status: 200 }
    },
    'POST /cards/:id/labels': async (knex, input) => {
      const { id, label } = input as { id: string; label: string }
      const card = await knex<{ id: string; labels: string[] }>('cards').where({ id }).first('labels')
      if (!card) return { status: 404 }
      if (!card.labels.includes(label)) {
        await knex('cards')
          .where({ id })
          .update({ labels: [...card.labels, label] })
      }
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /cards/:id/move', { id: 'd0000000-0000-4000-8000-000000000004', to: 'todo' }],
    ['POST /cards/:id/move', { id: 'd0000000-0000-4000-8000-000000000001', to: 'doing' }],
    ['POST /cards/:id/move', { id: 'd0000000-0000-4000-8000-000000000002', to: 'doing' }],
    ['POST /cards/:id/move', { id: 'd0000000-0000-4000-8000-000000000002', to: 'never' }],
    ['PATCH /cards/:id', { id: 'd0000000-0000-4000-8000-000000000002', title: 'full-text search' }],
    ['PATCH /cards/:id', { id: 'd0000000-0000-4000-8000-000000000003', title: 'export as CSV' }],
    ['PATCH /cards/:id', { id: 'd0000000-0000-4000-8000-00000000000f', title: '?' }],
    ['POST /cards/:id/labels', { id: 'd0000000-0000-4000-8000-000000000002', label: 'api' }],
    ['POST /cards/:id/labels', { id: 'd0000000-0000-4000-8000-000000000003', label: 'api' }],
    ['POST /cards/:id/labels', { id: 'd0000000-0000-4000-8000-00000000000e', label: 'api' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'count, then update into the counted set',
      first: ['POST /cards/:id/move', { id: 'd0000000-0000-4000-8000-000000000001', to: 'doing' }],
      second: ['POST /cards/:id/move', { id: 'd0000000-0000-4000-8000-000000000002', to: 'doing' }],
    },
    {
      label: 'safe',
      kind: 'overwrite after a 404 check',
      first: ['PATCH /cards/:id', { id: 'd0000000-0000-4000-8000-000000000001', title: 'sign in' }],
      second: ['PATCH /cards/:id', { id: 'd0000000-0000-4000-8000-000000000001', title: 'log in' }],
    },
    {
      label: 'clash',
      kind: 'array appended in JavaScript',
      first: ['POST /cards/:id/labels', { id: 'd0000000-0000-4000-8000-000000000001', label: 'bug' }],
      second: ['POST /cards/:id/labels', { id: 'd0000000-0000-4000-8000-000000000001', label: 'api' }],
    },
    {
      label: 'safe',
      kind: 'different columns of one row',
      first: ['PATCH /cards/:id', { id: 'd0000000-0000-4000-8000-000000000001', title: 'sign in' }],
      second: ['POST /cards/:id/labels', { id: 'd0000000-0000-4000-8000-000000000001', label: 'bug' }],
    },
  ],
})

export const cases: ClashCase[] = [library, polls, shifts, kanban]
