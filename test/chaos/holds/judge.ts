import { connect } from 'holdfast'
import { createHolds, type Units } from 'holdfast/holds'
import type { ChaosServer } from '../core/server.js'
import { Tally, wait, type ChaosInvariant } from '../invariants.js'
import { logger } from '../program.js'
import { listUnits, MOST_TTL_MS, places, resources, rooms, seats, sources, tickets, TOTAL } from './protocol.js'

const WATCH_MS = 250
/** Whoever still works takes back each second. */
const SLACK_MS = 3_000

export async function prepare(server: ChaosServer): Promise<void> {
  const db = await connect({ url: server.url(), logger })
  await db.migrate()
  // Without a check on places_left: the last line would hide that what comes before it fails.
  await db.query('create table chaos_show (id bigint primary key, total int not null, places_left int not null)')
  await db.query('create table chaos_seat (id bigint primary key, event_id bigint not null, hold_id bigint)')
  await db.query('create index on chaos_seat (event_id, id) where hold_id is null')
  await db.query(`create table chaos_orders (hold_id bigint primary key, source text not null, resource text not null,
    quantity int not null, units text[], key text, owner text not null)`)
  await db.query('create index on chaos_orders (source, resource)')
  const holds = await createHolds(db, { from: sources, logger })
  for (const resource of resources)
    await db.tx(async (tx) => {
      await holds.setTotal(tx, tickets, resource, TOTAL)
      await holds.addUnits(tx, rooms, resource, listUnits(resource))
      await tx.sql`insert into chaos_show values (${resource}, ${TOTAL}, ${TOTAL})`
      await tx.sql`insert into chaos_seat (id, event_id) select u, ${resource}::bigint from unnest(${listUnits(resource)}::bigint[]) u`
    })
  await holds.close()
  await db.close()
}

/** Each a query that gives a row per violation; all are true at every instant. */
const rules: Record<string, string> = {
  'nothing is oversold: what is free is never below 0': `
    select resource from holdfast.holds_stock where free < 0 union all
    select id::text from chaos_show where places_left < 0`,
  'free, held and confirmed make the total': `
    with stock as (
      select '${tickets.name}' as source, resource, total, free from holdfast.holds_stock union all
      select '${places.name}', id::text, total, places_left from chaos_show),
    taken as (
      select s.name as source, t.resource, sum(t.quantity) as amount
        from holdfast.holds_taken t join holdfast.holds_sources s on s.id = t.source group by 1, 2)
    select from stock left join taken using (source, resource) where free + coalesce(amount, 0) <> total`,
  'a unit is held by the hold that names it, and by no other': `
    with units as (
      select '${rooms.name}' as source, resource, unit, hold_id from holdfast.holds_units union all
      select '${seats.name}', event_id::text, id::text, hold_id from chaos_seat),
    taken as (
      select s.name as source, t.resource, unnest(t.units) as unit, t.id
        from holdfast.holds_taken t join holdfast.holds_sources s on s.id = t.source where t.units is not null)
    select from units full join taken using (source, resource, unit) where hold_id is distinct from id`,
  'no unit is sold twice': `
    select from (select source, resource, unnest(units) as unit from chaos_orders where units is not null) o
     group by source, resource, unit having count(*) > 1`,
  'no order without its confirmed hold': `
    select from chaos_orders o
     where not exists (select from holdfast.holds_taken t where t.id = o.hold_id and t.is_confirmed)`,
  'no confirmed hold without its order': `
    select from holdfast.holds_taken t
     where t.is_confirmed and not exists (select from chaos_orders o where o.hold_id = t.id)`,
  'of a key there is one hold': `
    select from holdfast.holds_taken where key is not null group by source, resource, key having count(*) > 1`,
}

const everything = Object.entries(rules).map(
  ([name, text]) => `select $n$${name}$n$ as name, (select count(*)::int from (${text}) v) as amount`,
)

/** Holds the rules against what is there, all on one snapshot, again and again while the work goes on. */
export function watchStock(server: ChaosServer): { close(): Promise<{ looks: number; invariants: ChaosInvariant[] }> } {
  const [broken, looks] = [new Tally(), new Tally()]
  let isOver = false

  async function look(): Promise<void> {
    const rows = await server.query<{ name: string; amount: number }>(everything.join(' union all '))
    looks.add('looks')
    for (const { name, amount } of rows) broken.add(name, amount)
  }

  async function watch(): Promise<void> {
    while (!isOver) {
      // A server that is down is not our concern.
      await look().catch(() => {})
      await wait(WATCH_MS)
    }
  }

  const watching = watch()
  return {
    close: async () => {
      isOver = true
      await watching
      await look()
      const invariants = Object.keys(rules).map((name) => ({ name, violations: broken.get(name) }))
      return { looks: looks.get('looks'), invariants }
    },
  }
}

/** Gives how many holds are left that nobody has confirmed, though each has expired. */
export async function countKept(server: ChaosServer): Promise<number> {
  const endsAt = performance.now() + MOST_TTL_MS + SLACK_MS
  for (;;) {
    const kept = await server.query('select from holdfast.holds_taken where not is_confirmed')
    if (kept.length === 0 || performance.now() > endsAt) return kept.length
    await wait(100)
  }
}

/** Gives the resources of which what is free cannot be had: all that is not sold, at once. */
export async function findStuck(server: ChaosServer): Promise<string[]> {
  const db = await connect({ url: server.url(), logger })
  const holds = await createHolds(db, { from: sources, logger })
  const stuck: string[] = []
  for (const from of sources)
    for (const resource of resources) {
      const [row] = await db.sql<{ sold: number }>`select coalesce(sum(quantity), 0)::int as sold from chaos_orders
        where source = ${from.name} and resource = ${resource}`
      const left = TOTAL - (row?.sold ?? 0)
      const what = from.kind === 'stock' ? { quantity: left } : { any: left }
      if (left === 0) continue
      const held = await holds.hold(from as Units, resource, what as { any: number }).catch(() => undefined)
      if (held === undefined) stuck.push(`${from.name} ${resource}`)
      else await holds.release(held.id)
    }
  await holds.close()
  await db.close()
  return stuck
}
