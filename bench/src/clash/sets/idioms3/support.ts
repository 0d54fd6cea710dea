import { sql, type Generated, type Transaction } from 'kysely'
import { kyselyCase, type Answer, type ClashCase } from '../../corpus.js'

interface Tickets {
  id: Generated<number>
  subject: string
  status: string
  assignee: string | null
}

interface Agents {
  name: string
  on_duty: boolean
  max_open: number
}

interface Desk {
  tickets: Tickets
  agents: Agents
}

async function hasRoom(trx: Transaction<Desk>, agent: string): Promise<boolean> {
  const { max_open: max } = await trx
    .selectFrom('agents')
    .select('max_open')
    .where('name', '=', agent)
    .executeTakeFirstOrThrow()
  const { count } = await trx
    .selectFrom('tickets')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('assignee', '=', agent)
    .where('status', '=', 'assigned')
    .executeTakeFirstOrThrow()
  return Number(count) < max
}

async function assign(trx: Transaction<Desk>, ticket: number, agent: string): Promise<Answer> {
  if (!(await hasRoom(trx, agent))) return { status: 409, body: { error: `${agent} has enough` } }
  const result = await trx
    .updateTable('tickets')
    .set({ assignee: agent, status: 'assigned' })
    .where('id', '=', ticket)
    .where('status', '=', 'open')
    .executeTakeFirst()
  return { status: result.numUpdatedRows === 1n ? 200 : 404 }
}

const desk = kyselyCase<Desk>({
  name: 'help-desk',
  schema: `
    create table agents (name text primary key, on_duty boolean not null default true, max_open int not null);
    create table tickets (
      id int generated always as identity primary key,
      subject text not null,
      status text not null default 'open',
      assignee text references agents
    );
  `,
  seed: `
    insert into agents values ('agent-red', true, 2), ('agent-blue', true, 5), ('agent-grey', false, 5);
    insert into tickets (subject, status, assignee) values
      ('cannot log in', 'assigned', 'agent-red'),
      ('printer on fire', 'open', null),
      ('wrong invoice', 'open', null),
      ('slow page', 'open', null),
      ('lost password', 'closed', 'agent-blue'),
      ('feature wish', 'open', null);
  `,
  routes: {
    'POST /agents/:agent/next': async (db, input) => {
      const next = await db
        .selectFrom('tickets')
        .select('id')
        .where('status', '=', 'open')
        .orderBy('id')
        .limit(1)
        .executeTakeFirst()
      if (!next) return { status: 404 }
      await db
        .updateTable('tickets')
        .set({ assignee: String(input.agent), status: 'assigned' })
        .where('id', '=', next.id)
        .execute()
      return { status: 200, body: next }
    },
    'POST /agents/:agent/claim': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const next = await trx
          .selectFrom('tickets')
          .selectAll()
          .where('status', '=', 'open')
          .orderBy('id')
          .limit(1)
          .forUpdate()
          .skipLocked()
          .executeTakeFirst()
        if (!next) return { status: 404 }
        await trx
          .updateTable('tickets')
          .set({ assignee: String(input.agent), status: 'assigned' })
          .where('id', '=', next.id)
          .execute()
        return { status: 200, body: next }
      }),
    'PUT /tickets/:ticket/assignee': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(4, ${Number(input.ticket)}::int)`.execute(trx)
        return await assign(trx, Number(input.ticket), String(input.agent))
      }),
    'POST /tickets/:ticket/offer': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(5, hashtext(${String(input.agent)}))`.execute(trx)
        return await assign(trx, Number(input.ticket), String(input.agent))
      }),
    'POST /agents/:agent/break': async (db, input) =>
      await db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (trx) => {
          const { count } = await trx
            .selectFrom('agents')
            .select((eb) => eb.fn.countAll<string>().as('count'))
            .where('on_duty', '=', true)
            .executeTakeFirstOrThrow()
          if (Number(count) < 2) return { status: 409, body: { error: 'nobody else is on duty' } }
          await trx.updateTable('agents').set({ on_duty: false }).where('name', '=', String(input.agent)).execute()
          return { status: 200 }
        }),
    'POST /agents/:agent/leave': async (db, input) =>
      await db
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (trx) => {
          const others = await trx
            .selectFrom('agents')
            .select('name')
            .where('on_duty', '=', true)
            .where('name', '!=', String(input.agent))
            .execute()
          if (others.length === 0) return { status: 409, body: { error: 'nobody else is on duty' } }
          await trx.updateTable('agents').set({ on_duty: false }).where('name', '=', String(input.agent)).execute()
          return { status: 200 }
        }),
    'POST /agents/:agent/return': async (db, input) => {
      const result = await db
        .updateTable('agents')
        .set({ on_duty: true })
        .where('name', '=', String(input.agent))
        .executeTakeFirst()
      return { status: result.numUpdatedRows === 0n ? 404 : 200 }
    },
  },
  traffic: [
    ['POST /agents/:agent/claim', { agent: 'agent-blue' }],
    ['POST /agents/:agent/next', { agent: 'agent-grey' }],
    ['PUT /tickets/:ticket/assignee', { ticket: 4, agent: 'agent-red' }],
    ['PUT /tickets/:ticket/assignee', { ticket: 6, agent: 'agent-red' }],
    ['POST /tickets/:ticket/offer', { ticket: 6, agent: 'agent-red' }],
    ['POST /tickets/:ticket/offer', { ticket: 5, agent: 'agent-grey' }],
    ['POST /tickets/:ticket/offer', { ticket: 6, agent: 'agent-grey' }],
    ['POST /agents/:agent/claim', { agent: 'agent-blue' }],
    ['POST /agents/:agent/next', { agent: 'agent-blue' }],
    ['POST /agents/:agent/break', { agent: 'agent-red' }],
    ['POST /agents/:agent/break', { agent: 'agent-blue' }],
    ['POST /agents/:agent/return', { agent: 'agent-grey' }],
    ['POST /agents/:agent/leave', { agent: 'agent-grey' }],
    ['POST /agents/:agent/leave', { agent: 'agent-blue' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'queue without a lock',
      first: ['POST /agents/:agent/next', { agent: 'agent-blue' }],
      second: ['POST /agents/:agent/next', { agent: 'agent-grey' }],
    },
    {
      label: 'safe',
      kind: 'FOR UPDATE SKIP LOCKED',
      first: ['POST /agents/:agent/claim', { agent: 'agent-blue' }],
      second: ['POST /agents/:agent/claim', { agent: 'agent-grey' }],
    },
    {
      label: 'clash',
      kind: 'advisory lock on the wrong key',
      first: ['PUT /tickets/:ticket/assignee', { ticket: 3, agent: 'agent-red' }],
      second: ['PUT /tickets/:ticket/assignee', { ticket: 4, agent: 'agent-red' }],
    },
    {
      label: 'safe',
      kind: 'advisory lock on the key of the limit',
      first: ['POST /tickets/:ticket/offer', { ticket: 3, agent: 'agent-red' }],
      second: ['POST /tickets/:ticket/offer', { ticket: 4, agent: 'agent-red' }],
    },
    {
      label: 'safe',
      kind: 'different locks, the condition on the status decides',
      first: ['POST /tickets/:ticket/offer', { ticket: 3, agent: 'agent-blue' }],
      second: ['PUT /tickets/:ticket/assignee', { ticket: 3, agent: 'agent-grey' }],
    },
    {
      label: 'clash',
      kind: 'write skew at repeatable read',
      first: ['POST /agents/:agent/break', { agent: 'agent-red' }],
      second: ['POST /agents/:agent/break', { agent: 'agent-blue' }],
    },
    {
      label: 'safe',
      kind: 'write skew stopped by serializable',
      first: ['POST /agents/:agent/leave', { agent: 'agent-red' }],
      second: ['POST /agents/:agent/leave', { agent: 'agent-blue' }],
    },
  ],
})

export const cases: ClashCase[] = [desk]
