import { eq, sql } from 'drizzle-orm'
import { boolean, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema, MoreThanOrEqual } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, postgresJsCase, typeormCase, type ClashCase } from '../../corpus.js'
import { inTransaction, sqlState } from './transaction.js'

const advisoryToken = pgCase({
  name: 'comments: advisory lock of the post, as a token in a string',
  schema: `create table post_comments (id serial primary key, post_id int not null, position int not null, body text not null)`,
  seed: `insert into post_comments (post_id, position, body) values (1, 1, 'first'), (1, 2, 'second'), (2, 1, 'hi')`,
  routes: {
    'POST /posts/:id/comments': async (pool, input) => {
      const { id, body } = input as { id: number; body: string }
      if (!body.trim()) return { status: 422 }
      return await inTransaction(pool, async (client) => {
        await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`post:${id}`])
        const { rows } = await client.query<{ last: number | null }>(
          'select max(position) as last from post_comments where post_id = $1',
          [id],
        )
        const position = (rows[0]?.last ?? 0) + 1
        await client.query('insert into post_comments (post_id, position, body) values ($1, $2, $3)', [
          id,
          position,
          body,
        ])
        return { status: 201, body: { position } }
      })
    },
  },
  traffic: [
    ['POST /posts/:id/comments', { id: 1, body: 'third' }],
    ['POST /posts/:id/comments', { id: 2, body: 'hello' }],
    ['POST /posts/:id/comments', { id: 3, body: 'new' }],
    ['POST /posts/:id/comments', { id: 3, body: ' ' }],
    ['POST /posts/:id/comments', { id: 1, body: 'fourth' }],
    ['POST /posts/:id/comments', { id: 2, body: 'bye' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'advisory lock with the right key',
      first: ['POST /posts/:id/comments', { id: 1, body: 'x' }],
      second: ['POST /posts/:id/comments', { id: 1, body: 'y' }],
    },
  ],
})

interface Threads {
  threads: { id: number; last_no: number }
  messages: { thread_id: number; no: number; body: string; sent_at: Generated<Date> }
}

const updatedFirst = kyselyCase<Threads>({
  name: 'chat: the thread is updated before its messages are counted',
  schema: `create table threads (id int primary key, last_no int not null default 0);
    create table messages (thread_id int references threads, no int, body text not null, sent_at timestamptz not null default now(),
      primary key (thread_id, no))`,
  seed: `insert into threads values (1, 2), (2, 0), (3, 0);
    insert into messages values (1, 1, 'a'), (1, 2, 'b')`,
  routes: {
    'POST /threads/:id/messages': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const { id, body } = input as { id: number; body: string }
        const thread = await trx
          .updateTable('threads')
          .set((eb) => ({ last_no: eb('last_no', '+', 1) }))
          .where('id', '=', id)
          .returning('last_no')
          .executeTakeFirst()
        if (!thread) return { status: 404 }
        const { sent } = await trx
          .selectFrom('messages')
          .select((eb) => eb.fn.countAll<string>().as('sent'))
          .where('thread_id', '=', id)
          .executeTakeFirstOrThrow()
        if (Number(sent) >= 4) throw new Error('thread is full')
        await trx.insertInto('messages').values({ thread_id: id, no: thread.last_no, body }).execute()
        return { status: 201, body: { no: thread.last_no } }
      }),
  },
  traffic: [
    ['POST /threads/:id/messages', { id: 1, body: 'c' }],
    ['POST /threads/:id/messages', { id: 2, body: 'hey' }],
    ['POST /threads/:id/messages', { id: 9, body: 'hey' }],
    ['POST /threads/:id/messages', { id: 2, body: 'ho' }],
    ['POST /threads/:id/messages', { id: 3, body: 'ha' }],
    ['POST /threads/:id/messages', { id: 2, body: 'hi' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'a row updated first is the lock',
      first: ['POST /threads/:id/messages', { id: 1, body: 'x' }],
      second: ['POST /threads/:id/messages', { id: 1, body: 'y' }],
    },
  ],
})

const tableLock = knexCase({
  name: 'fund: payouts summed under LOCK TABLE',
  schema: `create table funds (id int primary key, cap int not null);
    create table payouts (id serial primary key, fund_id int not null references funds, amount int not null)`,
  seed: `insert into funds values (1, 1000), (2, 100), (3, 400);
    insert into payouts (fund_id, amount) values (1, 150), (2, 90)`,
  routes: {
    'POST /funds/:id/payouts': async (knex, input) =>
      await knex.transaction(async (trx) => {
        const { id, amount } = input as { id: number; amount: number }
        await trx.raw('lock table payouts in share row exclusive mode')
        const fund = await trx('funds').where({ id }).first()
        if (!fund) return { status: 404 }
        const sum = await trx('payouts').where({ fund_id: id }).sum({ paid: 'amount' }).first()
        if (Number(sum?.paid ?? 0) + amount > fund.cap) return { status: 409 }
        await trx('payouts').insert({ fund_id: id, amount })
        return { status: 201 }
      }),
  },
  traffic: [
    ['POST /funds/:id/payouts', { id: 1, amount: 200 }],
    ['POST /funds/:id/payouts', { id: 2, amount: 20 }],
    ['POST /funds/:id/payouts', { id: 3, amount: 120 }],
    ['POST /funds/:id/payouts', { id: 5, amount: 20 }],
    ['POST /funds/:id/payouts', { id: 1, amount: 60 }],
    ['POST /funds/:id/payouts', { id: 3, amount: 500 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'table locked',
      first: ['POST /funds/:id/payouts', { id: 3, amount: 300 }],
      second: ['POST /funds/:id/payouts', { id: 3, amount: 250 }],
    },
  ],
})

const slots = pgTable('slots', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  doctor: text('doctor').notNull(),
  startsAt: timestamp('starts_at', { withTimezone: true }).notNull(),
  endsAt: timestamp('ends_at', { withTimezone: true }).notNull(),
})

const exclusion = drizzleCase({
  name: 'clinic: overlap looked up, exclusion constraint behind it',
  schema: `create table slots (id int generated always as identity primary key, doctor text not null,
    starts_at timestamptz not null, ends_at timestamptz not null,
    exclude using gist (int4range(hashtext(doctor), hashtext(doctor), '[]') with =, tstzrange(starts_at, ends_at) with &&))`,
  seed: `insert into slots (doctor, starts_at, ends_at) values ('who', '2030-03-01T09:00Z', '2030-03-01T10:00Z')`,
  routes: {
    'POST /doctors/:name/slots': async (db, input) => {
      const { name, from, to } = input as { name: string; from: string; to: string }
      const overlapping = await db
        .select({ id: slots.id })
        .from(slots)
        .where(sql`${slots.doctor} = ${name} and ${slots.startsAt} < ${to} and ${slots.endsAt} > ${from}`)
        .limit(1)
      if (overlapping.length) return { status: 409 }
      try {
        await db.insert(slots).values({ doctor: name, startsAt: new Date(from), endsAt: new Date(to) })
        return { status: 201 }
      } catch (error) {
        if (sqlState(error) === '23P01') return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /doctors/:name/slots', { name: 'who', from: '2030-03-01T09:30:00Z', to: '2030-03-01T10:30:00Z' }],
    ['POST /doctors/:name/slots', { name: 'who', from: '2030-03-01T10:00:00Z', to: '2030-03-01T10:30:00Z' }],
    ['POST /doctors/:name/slots', { name: 'kim', from: '2030-03-01T09:30:00Z', to: '2030-03-01T10:30:00Z' }],
    ['POST /doctors/:name/slots', { name: 'kim', from: '2030-03-01T09:00:00Z', to: '2030-03-01T09:45:00Z' }],
    ['POST /doctors/:name/slots', { name: 'lee', from: '2030-03-01T09:00:00Z', to: '2030-03-01T09:45:00Z' }],
    ['POST /doctors/:name/slots', { name: 'kim', from: '2030-03-02T09:00:00Z', to: '2030-03-02T09:45:00Z' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'exclusion constraint',
      first: ['POST /doctors/:name/slots', { name: 'who', from: '2030-04-01T09:00:00Z', to: '2030-04-01T10:00:00Z' }],
      second: ['POST /doctors/:name/slots', { name: 'who', from: '2030-04-01T09:30:00Z', to: '2030-04-01T11:00:00Z' }],
    },
  ],
})

const checkedCredits = pgCase({
  name: 'credits: relative update under a CHECK',
  schema: `create table tenants (id int primary key, credits int not null check (credits >= 0))`,
  seed: `insert into tenants values (1, 100), (2, 3), (3, 10)`,
  routes: {
    'POST /tenants/:id/consume': async (pool, input) => {
      const { id, credits } = input as { id: number; credits: number }
      const { rows } = await pool.query<{ credits: number }>('select credits from tenants where id = $1', [id])
      if (!rows[0]) return { status: 404 }
      if (rows[0].credits < credits) return { status: 402 }
      try {
        await pool.query('update tenants set credits = credits - $1 where id = $2', [credits, id])
        return { status: 200 }
      } catch (error) {
        if (sqlState(error) === '23514') return { status: 402 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /tenants/:id/consume', { id: 1, credits: 20 }],
    ['POST /tenants/:id/consume', { id: 2, credits: 5 }],
    ['POST /tenants/:id/consume', { id: 3, credits: 2 }],
    ['POST /tenants/:id/consume', { id: 8, credits: 2 }],
    ['POST /tenants/:id/consume', { id: 1, credits: 33 }],
    ['POST /tenants/:id/consume', { id: 2, credits: 1 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'CHECK behind a relative update',
      first: ['POST /tenants/:id/consume', { id: 3, credits: 7 }],
      second: ['POST /tenants/:id/consume', { id: 3, credits: 6 }],
    },
  ],
})

const taskQueue = knexCase({
  name: 'tasks: claimed with SKIP LOCKED',
  schema: `create table tasks (id int primary key, queue text not null, status text not null default 'queued', worker text)`,
  seed: `insert into tasks (id, queue) values (1, 'mail'), (2, 'mail'), (3, 'mail'), (4, 'pdf'), (5, 'pdf')`,
  routes: {
    'POST /tasks/claim': async (knex, input) =>
      await knex.transaction(async (trx) => {
        const { queue, worker } = input as { queue: string; worker: string }
        const task = await trx('tasks')
          .where({ queue, status: 'queued' })
          .orderBy('id')
          .forUpdate()
          .skipLocked()
          .first()
        if (!task) return { status: 204 }
        await trx('tasks').where({ id: task.id }).update({ status: 'running', worker })
        return { status: 200, body: { id: task.id } }
      }),
  },
  traffic: [
    ['POST /tasks/claim', { queue: 'mail', worker: 'w1' }],
    ['POST /tasks/claim', { queue: 'pdf', worker: 'w2' }],
    ['POST /tasks/claim', { queue: 'video', worker: 'w1' }],
    ['POST /tasks/claim', { queue: 'pdf', worker: 'w1' }],
    ['POST /tasks/claim', { queue: 'pdf', worker: 'w2' }],
    ['POST /tasks/claim', { queue: 'mail', worker: 'w2' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'queue with SKIP LOCKED',
      first: ['POST /tasks/claim', { queue: 'mail', worker: 'w8' }],
      second: ['POST /tasks/claim', { queue: 'mail', worker: 'w9' }],
    },
  ],
})

const subselectSkip = postgresJsCase({
  name: 'scans: claimed by a subquery with SKIP LOCKED',
  schema: `create table scans (id bigint primary key, site text not null, state text not null default 'waiting', agent text)`,
  seed: `insert into scans (id, site) values (1, 'ink'), (2, 'ink'), (3, 'laser'), (4, 'ink'), (5, 'laser')`,
  routes: {
    'POST /scans/next': async (sql, input) => {
      const { site, agent } = input as { site: string; agent: string }
      const [scan] = await sql`
        update scans set state = 'scanning', agent = ${agent}
        where id = (select id from scans where site = ${site} and state = 'waiting' order by id limit 1
          for update skip locked)
        returning id`
      return scan ? { status: 200, body: scan } : { status: 204 }
    },
  },
  traffic: [
    ['POST /scans/next', { site: 'ink', agent: 'a1' }],
    ['POST /scans/next', { site: 'laser', agent: 'a1' }],
    ['POST /scans/next', { site: 'laser', agent: 'a2' }],
    ['POST /scans/next', { site: 'laser', agent: 'a2' }],
    ['POST /scans/next', { site: 'none', agent: 'a2' }],
    ['POST /scans/next', { site: 'ink', agent: 'a2' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'queue, subquery with SKIP LOCKED',
      first: ['POST /scans/next', { site: 'ink', agent: 'a8' }],
      second: ['POST /scans/next', { site: 'ink', agent: 'a9' }],
    },
  ],
})

interface Letter {
  id: number
  lane: string
  sent: boolean
}

const LetterEntity = new EntitySchema<Letter>({
  name: 'Letter',
  tableName: 'letters',
  columns: { id: { type: 'int', primary: true }, lane: { type: 'text' }, sent: { type: 'boolean' } },
})

const slowQueue = typeormCase([LetterEntity], {
  name: 'outbox: claimed with a plain row lock',
  schema: `create table letters (id int primary key, lane text not null, sent boolean not null default false)`,
  seed: `insert into letters (id, lane) values (1, 'air'), (2, 'air'), (3, 'air'), (4, 'sea'), (5, 'sea')`,
  routes: {
    'POST /letters/send': async (source, input) =>
      await source.transaction(async (manager) => {
        const { lane } = input as { lane: string }
        const letter = await manager.findOne(LetterEntity, {
          where: { lane, sent: false, id: MoreThanOrEqual(0) },
          order: { id: 'ASC' },
          lock: { mode: 'pessimistic_write' },
        })
        if (!letter) return { status: 204 }
        letter.sent = true
        await manager.save(LetterEntity, letter)
        return { status: 200, body: letter }
      }),
  },
  traffic: [
    ['POST /letters/send', { lane: 'air' }],
    ['POST /letters/send', { lane: 'sea' }],
    ['POST /letters/send', { lane: 'rail' }],
    ['POST /letters/send', { lane: 'sea' }],
    ['POST /letters/send', { lane: 'sea' }],
    ['POST /letters/send', { lane: 'air' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'queue, slow but not wrong',
      first: ['POST /letters/send', { lane: 'air' }],
      second: ['POST /letters/send', { lane: 'air' }],
    },
  ],
})

const surveys = pgTable('surveys', {
  id: integer('id').primaryKey(),
  open: boolean('open').notNull(),
  total: integer('total'),
})

const answers = pgTable('answers', { surveyId: integer('survey_id').notNull(), person: text('person').notNull() })

const lockedSurvey = drizzleCase({
  name: 'survey: both routes lock the survey first',
  schema: `create table surveys (id int primary key, open boolean not null default true, total int);
    create table answers (survey_id int references surveys, person text, primary key (survey_id, person))`,
  seed: `insert into surveys values (1, true, null), (2, false, 3), (3, true, null), (4, true, null);
    insert into answers values (1, 'u1'), (3, 'u1')`,
  routes: {
    'POST /surveys/:id/answers': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id, person } = input as { id: number; person: string }
        const [found] = await tx.select().from(surveys).where(eq(surveys.id, id)).for('update')
        if (!found) return { status: 404 }
        if (!found.open) return { status: 409 }
        await tx.insert(answers).values({ surveyId: id, person })
        return { status: 201 }
      }),
    'POST /surveys/:id/close': async (db, input) =>
      await db.transaction(async (tx) => {
        const { id } = input as { id: number }
        const [found] = await tx.select().from(surveys).where(eq(surveys.id, id)).for('update')
        if (!found) return { status: 404 }
        if (!found.open) return { status: 409 }
        const total = await tx.$count(answers, eq(answers.surveyId, id))
        await tx.update(surveys).set({ open: false, total }).where(eq(surveys.id, id))
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /surveys/:id/answers', { id: 1, person: 'u2' }],
    ['POST /surveys/:id/answers', { id: 2, person: 'u2' }],
    ['POST /surveys/:id/answers', { id: 4, person: 'u2' }],
    ['POST /surveys/:id/close', { id: 4 }],
    ['POST /surveys/:id/answers', { id: 4, person: 'u6' }],
    ['POST /surveys/:id/close', { id: 4 }],
    ['POST /surveys/:id/close', { id: 1 }],
    ['POST /surveys/:id/close', { id: 99 }],
    ['POST /surveys/:id/answers', { id: 99, person: 'u2' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'write skew behind a common lock',
      first: ['POST /surveys/:id/answers', { id: 3, person: 'u9' }],
      second: ['POST /surveys/:id/close', { id: 3 }],
    },
  ],
})

export const cases: ClashCase[] = [
  advisoryToken,
  updatedFirst,
  tableLock,
  exclusion,
  checkedCredits,
  taskQueue,
  subselectSkip,
  slowQueue,
  lockedSurvey,
]
