import type pg from 'pg'

/** A way to keep a queue in tables, driven by one connection. */
export interface Design {
  name: string
  tables: string
  fill: (amount: number) => Promise<void>
  /** Claims a batch, in a transaction of its own, and completes it in another one. Gives how many jobs it held. */
  takeOne: () => Promise<number>
  clear: () => Promise<void>
}

const FILL = 50_000
const body = `json_build_object('sentAt', n + 0.5, 'order', '0193f2a4-5c1e-7d3b-9a44-1f6c2e8b7d10', 'note', repeat('x', 120))::text`

/** The chosen one and those that lost: the nearest of them with a hint where to begin looking, and without. */
export async function openDesigns(client: pg.Client, claim: number): Promise<Design[]> {
  await client.query('create schema if not exists bench_designs')
  return [
    await openChosen(client, claim),
    await openDeleteAtClaim(client, claim, true),
    await openDeleteAtClaim(client, claim, false),
    await openUpdateInPlace(client, claim),
  ]
}

async function fillBy(client: pg.Client, text: string, amount: number): Promise<void> {
  for (let from = 1; from <= amount; from += FILL) {
    await client.query(text, [from, Math.min(amount, from + FILL - 1)])
  }
}

/** Slots, and claims that hold ids: the functions of the product. */
async function openChosen(client: pg.Client, claim: number): Promise<Design> {
  const { rows: queues } = await client.query<{ id: number }>(
    `select holdfast.jobs_register('designs', 10, 1000) as id`,
  )
  const lane = (queues[0] as { id: number }).id * 4 + 1
  const { rows: workers } = await client.query<{ id: string }>(
    `insert into holdfast.jobs_workers (instance, lease_ms) values ('designs', 86400000) returning id`,
  )
  const worker = (workers[0] as { id: string }).id
  let [from, opened] = ['0', '0']
  return {
    name: 'claims hold ids, slots',
    tables: 'holdfast.jobs_ready, holdfast.jobs_claims',
    fill: async (amount) =>
      await fillBy(
        client,
        `select holdfast.jobs_send(${lane}, string_agg(${body}, E'\\x1e')) from generate_series($1::bigint, $2::bigint) n group by n / 1000 order by n / 1000`,
        amount,
      ),
    takeOne: async () => {
      const { rows } = await client.query<{
        cid: string
        amount: number
        last_id: string
        opened: string
        ids: string
      }>({
        name: 'claim',
        text: 'select cid, amount, last_id, opened, ids, jobs from holdfast.jobs_claim($1, $2, $3, $4, $5)',
        values: [worker, [lane], [from], [opened], claim],
      })
      const [got] = rows
      if (!got || got.amount === 0) return 0
      from = String(Number(got.last_id) + 1)
      opened = got.opened
      await client.query({
        name: 'complete',
        text: `with runs as (
            select min(k) as lo, max(k) as hi from (
              select k, k - row_number() over (order by k) as run
                from unnest($3::int8multirange) r, generate_series(lower(r), upper(r) - 1) k) s group by run, k >> 16)
          select holdfast.jobs_complete($1, $2, array_agg(lo), array_agg(hi), array_agg($4::bigint), array[$4::bigint], false)
            from runs`,
        values: [worker, lane, got.ids, got.cid],
      })
      // What a worker does once a second.
      if (Math.random() < 0.02) await client.query('select holdfast.jobs_trim()')
      return got.amount
    },
    clear: async () => {
      await client.query('truncate holdfast.jobs_ready, holdfast.jobs_claims')
    },
  }
}

/** What the others are, besides their tables. `claimText` gives ids and bodies. */
interface PlainDesign {
  name: string
  tables: string
  /** Jobs are sent into this one, and deleted from that one when they are done. */
  from: string
  to: string
  claimText: string
  /** `$1` of `claimText`, where to begin looking: behind the last job, always at the start, or there is none. */
  hint: 'moves' | 'stays' | 'none'
}

function createPlain(client: pg.Client, { name, tables, from, to, claimText, hint }: PlainDesign): Design {
  let next = '0'
  return {
    name,
    tables,
    fill: async (amount) =>
      await fillBy(
        client,
        `insert into ${from} (body) select ${body} from generate_series($1::bigint, $2::bigint) n`,
        amount,
      ),
    takeOne: async () => {
      const { rows } = await client.query<{ ids: string[] | null; bodies: string[] }>({
        name: `claim-${to}`,
        text: claimText,
        values: hint === 'none' ? [] : [next],
      })
      const ids = rows[0]?.ids ?? []
      if (ids.length === 0) return 0
      if (hint === 'moves') next = String(Math.max(...ids.map(Number)) + 1)
      await client.query({ name: `done-${to}`, text: `delete from ${to} where id = any($1::bigint[])`, values: [ids] })
      return ids.length
    },
    clear: async () => {
      await client.query(`truncate ${tables}`)
    },
  }
}

/** The job's row is deleted by the claim and copied into a table of what runs. */
async function openDeleteAtClaim(client: pg.Client, claim: number, hasHint: boolean): Promise<Design> {
  const [ready, running] = ['bench_designs.ready', 'bench_designs.running']
  await client.query(`
    create table if not exists ${ready} (id bigint generated always as identity primary key, at timestamptz not null default now(), body text not null);
    create table if not exists ${running} (id bigint primary key, worker bigint not null, at timestamptz not null, body text not null)`)
  return createPlain(client, {
    name: `deleted by the claim${hasHint ? ', with a hint' : ''}`,
    tables: `${ready}, ${running}`,
    from: ready,
    to: running,
    hint: hasHint ? 'moves' : 'stays',
    claimText: `with gone as (
        delete from ${ready} where id = any(array(
          select id from ${ready} where id >= $1 order by id limit ${claim} for update skip locked)) returning *),
      taken as (insert into ${running} (id, worker, at, body) select id, 1, at, body from gone returning id, body)
      select array_agg(id) as ids, string_agg(body, E'\\x1e') as bodies from taken`,
  })
}

/** A state in the job's row, and an index over those that wait. */
async function openUpdateInPlace(client: pg.Client, claim: number): Promise<Design> {
  const table = 'bench_designs.stated'
  await client.query(`
    create table if not exists ${table} (
      id bigint generated always as identity primary key, state smallint not null default 0, worker bigint, at timestamptz not null default now(), body text not null);
    create index if not exists stated_waiting on ${table} (id) where state = 0`)
  return createPlain(client, {
    name: 'a state in the row',
    tables: table,
    from: table,
    to: table,
    hint: 'none',
    claimText: `with taken as (
        update ${table} set state = 1, worker = 1 where id = any(array(
          select id from ${table} where state = 0 order by id limit ${claim} for update skip locked)) returning id, body)
      select array_agg(id) as ids, string_agg(body, E'\\x1e') as bodies from taken`,
  })
}
