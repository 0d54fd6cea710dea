import { connect } from 'holdfast'
import { createHolds } from 'holdfast/holds'
import type { ChaosServer } from '../core/server.js'
import { wait, type ChaosInvariant } from '../invariants.js'
import { logger } from '../program.js'
import { EVENTS, listSeats, PRICE, seats } from './protocol.js'

export async function prepare(server: ChaosServer): Promise<void> {
  const db = await connect({ url: server.url(), logger })
  await db.migrate()
  await db.query('create table chaos_seat (id bigint primary key, event_id bigint not null, hold_id bigint)')
  await db.query('create index on chaos_seat (event_id, id) where hold_id is null')
  // Without unique keys: they would hide that what comes before them fails.
  await db.query('create table chaos_effects (saga text not null, step text not null, what text not null)')
  await db.query('create table chaos_orders (saga text not null, event_id bigint not null, amount int not null)')
  await db.query(
    'create table chaos_tickets (saga text not null, seat_id bigint not null, is_refunded boolean not null default false)',
  )
  await db.query('create index on chaos_tickets (saga)')
  await db.query('create index on chaos_orders (saga)')
  await db.query('create table chaos_mails (saga text not null)')
  const holds = await createHolds(db, { from: [seats], logger })
  for (let event = 1; event <= EVENTS; event++)
    await db.sql`insert into chaos_seat (id, event_id) select u, ${event} from unnest(${listSeats(event)}::bigint[]) u`
  await holds.close()
  await db.query('create database payments')
  await db.close()
  const payments = await connect({ url: paymentsUrl(server.url()), logger })
  await payments.migrate()
  await payments.query(
    'create table payments (key text primary key, saga text not null, cents int not null, state text not null)',
  )
  await payments.close()
}

export function paymentsUrl(url: string): string {
  const other = new URL(url)
  other.pathname = '/payments'
  return other.href
}

/** Gives how many sagas have not ended after so long without faults. */
export async function waitForEnds(server: ChaosServer, mostMs: number): Promise<number> {
  const endsAt = performance.now() + mostMs
  for (;;) {
    const text = `select count(*)::int as n from holdfast.sagas_instances where state not in ('done', 'compensated', 'stuck')`
    const [row] = await server.query<{ n: number }>(text)
    if (row?.n === 0 || performance.now() > endsAt) return row?.n ?? 0
    await wait(200)
  }
}

/** Each a query that gives a row per violation. `paid`: what the provider says, by saga. */
const rules: Record<string, string> = {
  'a stuck one has its reason': `
    select from holdfast.sagas_instances where state = 'stuck' and error is null`,
  'no SQL of a step is committed twice': `
    select from chaos_effects group by saga, step, what having count(*) > 1`,
  'nothing is undone that was not done': `
    select from chaos_effects u where what = 'undo'
       and not exists (select from chaos_effects d where d.saga = u.saga and d.step = u.step and d.what = 'do')`,
  'of a compensated one everything is undone': `
    select from holdfast.sagas_instances i join chaos_effects d on d.saga = i.id and d.what = 'do' where i.state = 'compensated'
       and not exists (select from chaos_effects u where u.saga = d.saga and u.step = d.step and u.what = 'undo')`,
  'of a done one nothing is undone, and nothing is missing': `
    select from holdfast.sagas_instances i where i.state = 'done' and (
      exists (select from chaos_effects u where u.saga = i.id and u.what = 'undo')
      or (select count(distinct step) from chaos_effects d where d.saga = i.id and d.step in ('order', 'confirm', 'tickets', 'mail')) <> 4
      or (select count(*) from chaos_orders o where o.saga = i.id) <> 1 or (select count(*) from chaos_mails m where m.saga = i.id) <> 1)`,
  'an effect has its record, and a record its effect': `
    select from (select saga, step as name from chaos_effects where what = 'do') e
      full join (select saga, name from holdfast.sagas_steps where outcome = 'done' and name in ('order', 'confirm', 'tickets', 'mail', 'greet')) s
      using (saga, name) where e is null or s is null`,
  'money captured is tickets times price': `
    select from holdfast.sagas_instances i left join paid p on p.saga = i.id
     where i.state <> 'stuck' and coalesce(p.captured, 0) <> ${PRICE} * (select count(*) from chaos_tickets t where t.saga = i.id)`,
  'of a compensated one no money is left reserved': `
    select from holdfast.sagas_instances i join paid p on p.saga = i.id where i.state = 'compensated' and p.open > 0`,
  'no seat is sold twice': `
    select from chaos_tickets where not is_refunded group by seat_id having count(*) > 1`,
  'no seat is both sold and free': `
    select from chaos_tickets t join chaos_seat s on s.id = t.seat_id where not t.is_refunded and s.hold_id is null`,
  'a seat that is not sold is free, or held for a while': `
    select from chaos_seat s where s.hold_id is not null
       and not exists (select from chaos_tickets t where t.seat_id = s.id and not t.is_refunded)
       and not exists (select from holdfast.holds_taken h where h.id = s.hold_id and not h.is_confirmed)
       and not exists (select from holdfast.sagas_instances i join holdfast.holds_taken h on h.key = i.id || '/hold'
                        where i.state = 'stuck' and h.id = s.hold_id)`,
}

export async function judge(server: ChaosServer): Promise<ChaosInvariant[]> {
  const payments = await connect({ url: paymentsUrl(server.url()), logger })
  const { rows } = await payments.query(`select saga, sum(cents) filter (where state = 'captured')::int as captured,
    count(*) filter (where state in ('authorised', 'captured'))::int as open from payments group by saga`)
  await payments.close()
  await server.query('create table paid (saga text primary key, captured int, open int not null)')
  const json = JSON.stringify(rows).replaceAll("'", "''")
  await server.query(`insert into paid select * from json_populate_recordset(null::paid, '${json}')`)
  await server.query('create index on chaos_effects (saga, step)')
  await server.query('create index on chaos_mails (saga)')
  await server.query('create index on chaos_tickets (seat_id)')
  await server.query('analyze')
  const invariants: ChaosInvariant[] = []
  for (const [name, text] of Object.entries(rules)) {
    const [row] = await server.query<{ n: number }>(`select count(*)::int as n from (${text}) v`)
    invariants.push({ name, violations: row?.n ?? 0 })
  }
  return invariants
}

/** What is known of those that have not ended, for whoever has to find out why. */
export async function describeLeft(server: ChaosServer): Promise<string[]> {
  const rows = await server.query<{ text: string }>(`
    select json_build_object('id', i.id, 'kind', i.kind, 'state', i.state, 'owner', i.owner, 'isLive', w.id is not null, 'fence', i.fence,
      'wake', extract(epoch from i.wake_at - now()), 'crashes', i.crashes, 'doing', i.doing, 'signals', i.signals, 'cancelled', i.is_cancelled,
      'undoing', i.is_undoing, 'steps', (select json_agg(s.name || ' ' || s.outcome || coalesce(' ' || s.undo, '') order by s.seq)
        from holdfast.sagas_steps s where s.saga = i.id))::text as text
      from holdfast.sagas_instances i left join holdfast.sagas_workers w on w.id = i.owner
     where i.state not in ('done', 'compensated', 'stuck') limit 10`)
  return rows.map(({ text }) => text)
}

export async function countStates(server: ChaosServer): Promise<Record<string, number>> {
  const text = `select state, coalesce(error ->> 'name', '') as reason, count(*)::int as n from holdfast.sagas_instances group by 1, 2 order by 1, 2`
  const rows = await server.query<{ state: string; reason: string; n: number }>(text)
  return Object.fromEntries(rows.map(({ state, reason, n }) => [`${state}${reason && `: ${reason}`}`, n]))
}
