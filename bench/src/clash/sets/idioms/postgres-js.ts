import { type ClashCase, postgresJsCase } from '../../corpus.js'

const credits = postgresJsCase({
  name: 'idioms postgres.js render credits',
  schema: `
    create table teams (id bigint primary key, credits int not null);
    create table renders (id bigserial primary key, team_id bigint not null references teams, cost int not null)`,
  seed: `insert into teams values (1, 10), (2, 100), (3, 0)`,
  routes: {
    'POST /renders': async (sql, input) => {
      const { teamId, cost } = input as { teamId: number; cost: number }
      const [team] = await sql<{ credits: number }[]>`select credits from teams where id = ${teamId}`
      if (!team) return { status: 404 }
      if (team.credits < cost) return { status: 402 }
      await sql.begin(async (sql) => {
        await sql`insert into renders ${sql({ team_id: teamId, cost })}`
        await sql`update teams set credits = credits - ${cost} where id = ${teamId}`
      })
      return { status: 202 }
    },
    'POST /v2/renders': async (sql, input) => {
      const { teamId, cost } = input as { teamId: number; cost: number }
      return await sql.begin(async (sql) => {
        const [team] = await sql<{ credits: number }[]>`select credits from teams where id = ${teamId} for update`
        if (!team) return { status: 404 }
        if (team.credits < cost) return { status: 402 }
        await sql`update teams set credits = ${team.credits - cost} where id = ${teamId}`
        await sql`insert into renders ${sql({ team_id: teamId, cost })}`
        return { status: 202 }
      })
    },
  },
  traffic: [
    ['POST /renders', { teamId: 2, cost: 5 }],
    ['POST /renders', { teamId: 3, cost: 5 }],
    ['POST /renders', { teamId: 30, cost: 5 }],
    ['POST /v2/renders', { teamId: 2, cost: 7 }],
    ['POST /v2/renders', { teamId: 1, cost: 1 }],
    ['POST /v2/renders', { teamId: 3, cost: 7 }],
    ['POST /v2/renders', { teamId: 31, cost: 7 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'balance checked, then decremented',
      first: ['POST /renders', { teamId: 1, cost: 8 }],
      second: ['POST /renders', { teamId: 1, cost: 6 }],
    },
    {
      label: 'safe',
      kind: 'row lock first',
      first: ['POST /v2/renders', { teamId: 1, cost: 8 }],
      second: ['POST /v2/renders', { teamId: 1, cost: 6 }],
    },
  ],
})

const rateLimit = postgresJsCase({
  name: 'idioms postgres.js rate limit',
  schema: `
    create table hits (api_key text not null, minute int not null, count int not null, primary key (api_key, minute));
    create table messages (id serial primary key, api_key text not null, body text not null)`,
  seed: `insert into hits values ('k-ada', 1, 2), ('k-bob', 1, 3), ('k-cyd', 1, 1)`,
  routes: {
    'POST /messages': async (sql, input) => {
      const { apiKey, minute, body } = input as { apiKey: string; minute: number; body: string }
      const [hit] = await sql<{ count: number }[]>`
        select count from hits where api_key = ${apiKey} and minute = ${minute}`
      const count = (hit?.count ?? 0) + 1
      if (count > 3) return { status: 429 }
      await sql`
        insert into hits ${sql({ api_key: apiKey, minute, count })}
        on conflict (api_key, minute) do update set count = excluded.count`
      await sql`insert into messages ${sql({ api_key: apiKey, body })}`
      return { status: 202 }
    },
    'POST /v2/messages': async (sql, input) => {
      const { apiKey, minute, body } = input as { apiKey: string; minute: number; body: string }
      const [hit] = await sql<{ count: number }[]>`
        insert into hits (api_key, minute, count) values (${apiKey}, ${minute}, 1)
        on conflict (api_key, minute) do update set count = hits.count + 1
        returning count`
      if (hit!.count > 3) return { status: 429 }
      await sql`insert into messages ${sql({ api_key: apiKey, body })}`
      return { status: 202 }
    },
  },
  traffic: [
    ['POST /messages', { apiKey: 'k-cyd', minute: 1, body: 'hi' }],
    ['POST /messages', { apiKey: 'k-bob', minute: 1, body: 'hi' }],
    ['POST /messages', { apiKey: 'k-dan', minute: 1, body: 'hi' }],
    ['POST /v2/messages', { apiKey: 'k-cyd', minute: 1, body: 'ho' }],
    ['POST /v2/messages', { apiKey: 'k-bob', minute: 1, body: 'ho' }],
    ['POST /v2/messages', { apiKey: 'k-bob', minute: 2, body: 'ho' }],
    ['POST /v2/messages', { apiKey: 'k-eve', minute: 2, body: 'ho' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'upsert of a count computed in JavaScript',
      first: ['POST /messages', { apiKey: 'k-ada', minute: 1, body: 'one' }],
      second: ['POST /messages', { apiKey: 'k-ada', minute: 1, body: 'two' }],
    },
    {
      label: 'safe',
      kind: 'upsert that increments and returns',
      first: ['POST /v2/messages', { apiKey: 'k-ada', minute: 1, body: 'one' }],
      second: ['POST /v2/messages', { apiKey: 'k-ada', minute: 1, body: 'two' }],
    },
    {
      label: 'safe',
      kind: 'upsert of a row that is missing',
      first: ['POST /v2/messages', { apiKey: 'k-new', minute: 9, body: 'one' }],
      second: ['POST /v2/messages', { apiKey: 'k-new', minute: 9, body: 'two' }],
    },
  ],
})

const workshop = postgresJsCase({
  name: 'idioms postgres.js workshop places',
  schema: `
    create table workshops (id int primary key, places int not null);
    create table participants (id serial primary key, workshop_id int not null references workshops, email text not null);
    create function check_places() returns trigger language plpgsql as $$
    begin
      if (select count(*) from participants where workshop_id = new.workshop_id)
         >= (select places from workshops where id = new.workshop_id) then
        raise exception 'workshop is full' using errcode = 'P0001';
      end if;
      return new;
    end $$;
    create trigger check_places before insert on participants for each row execute function check_places()`,
  seed: `
    insert into workshops values (1, 2), (2, 20), (3, 1);
    insert into participants (workshop_id, email) values (1, 'ada@example.com'), (3, 'bob@example.com')`,
  routes: {
    'POST /workshops/:id/participants': async (sql, input) => {
      const { id, email } = input as { id: number; email: string }
      const [workshop] = await sql`select id from workshops where id = ${id}`
      if (!workshop) return { status: 404 }
      try {
        await sql.begin(async (sql) => {
          await sql`insert into participants ${sql({ workshop_id: id, email })}`
          await sql`select pg_notify('mail', ${email})`
        })
        return { status: 201 }
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'P0001') return { status: 409 }
        throw error
      }
    },
    'PATCH /participants': async (sql, input) => {
      const { from, to } = input as { from: string; to: string }
      const changed = await sql`update participants set email = ${to} where email = ${from} returning id`
      return { status: changed.length > 0 ? 200 : 404 }
    },
  },
  traffic: [
    ['POST /workshops/:id/participants', { id: 2, email: 'cyd@example.com' }],
    ['POST /workshops/:id/participants', { id: 3, email: 'cyd@example.com' }],
    ['POST /workshops/:id/participants', { id: 30, email: 'cyd@example.com' }],
    ['POST /workshops/:id/participants', { id: 2, email: 'dan@example.com' }],
    ['PATCH /participants', { from: 'dan@example.com', to: 'dan@example.org' }],
    ['PATCH /participants', { from: 'bob@example.com', to: 'bob@example.org' }],
    ['PATCH /participants', { from: 'nobody@example.com', to: 'x@example.org' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'count in a trigger',
      first: ['POST /workshops/:id/participants', { id: 1, email: 'eve@example.com' }],
      second: ['POST /workshops/:id/participants', { id: 1, email: 'fay@example.com' }],
      hidden: 'The check is in the body of the trigger.',
    },
  ],
})

const flags = postgresJsCase({
  name: 'idioms postgres.js feature flags',
  schema: `
    create table flags (name text primary key, enabled boolean not null, rollout int not null default 0);
    create table flag_changes (id serial primary key, name text not null, before int not null, after int not null)`,
  seed: `insert into flags values ('checkout', true, 20), ('search', false, 0), ('dark', true, 90)`,
  routes: {
    'PUT /flags/:name': async (sql, input) => {
      const { name, enabled } = input as { name: string; enabled: boolean }
      await sql`
        insert into flags ${sql({ name, enabled })} on conflict (name) do update set enabled = excluded.enabled`
      return { status: 200 }
    },
    'POST /flags/:name/rollout': async (sql, input) => {
      const { name, rollout } = input as { name: string; rollout: number }
      return await sql.begin(async (sql) => {
        const [flag] = await sql<{ rollout: number }[]>`select rollout from flags where name = ${name}`
        if (!flag) return { status: 404 }
        await sql`update flags set rollout = ${rollout} where name = ${name}`
        await sql`insert into flag_changes ${sql({ name, before: flag.rollout, after: rollout })}`
        return { status: 200 }
      })
    },
    'DELETE /flags/:name': async (sql, input) => {
      const removed = await sql`delete from flags where name = ${input.name as string} returning name`
      return { status: removed.length ? 204 : 404 }
    },
  },
  traffic: [
    ['PUT /flags/:name', { name: 'search', enabled: true }],
    ['PUT /flags/:name', { name: 'beta', enabled: false }],
    ['POST /flags/:name/rollout', { name: 'dark', rollout: 100 }],
    ['POST /flags/:name/rollout', { name: 'search', rollout: 5 }],
    ['POST /flags/:name/rollout', { name: 'lost', rollout: 5 }],
    ['DELETE /flags/:name', { name: 'beta' }],
    ['DELETE /flags/:name', { name: 'beta' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'upsert of the input',
      first: ['PUT /flags/:name', { name: 'new-nav', enabled: true }],
      second: ['PUT /flags/:name', { name: 'new-nav', enabled: false }],
    },
    {
      label: 'clash',
      kind: 'history with a stale value before',
      first: ['POST /flags/:name/rollout', { name: 'checkout', rollout: 40 }],
      second: ['POST /flags/:name/rollout', { name: 'checkout', rollout: 60 }],
    },
    {
      label: 'safe',
      kind: 'delete by key',
      first: ['DELETE /flags/:name', { name: 'dark' }],
      second: ['DELETE /flags/:name', { name: 'dark' }],
    },
  ],
})

export const cases: ClashCase[] = [credits, rateLimit, workshop, flags]
