// SQL of the overview. It reads by index and never more than a few thousand rows, however large the table is.

import type { Queryable } from '../core/index.js'

export type Asked = Pick<Queryable, 'query'>

/** An overview that takes longer is no help to somebody in a hurry, and one more burden for the server. */
const deadline = { deadlineMs: 1_000 }
/** With many waiters on a key the search for circles takes twice as long for each more: it is given up early. */
const circleDeadline = { deadlineMs: 250 }
/** Of the oldest requests and of the newest: waits that are long, and those of now. */
export const LOOKED_AT = 5_000
const MOST_KEYS = 50
const MOST_NESTED = 10
/** The longest waits; who is in their way comes on top. */
const MOST_WAITING = 50
/** Of a text that is cut after 120 characters once its literals are gone. */
const MOST_QUERY_CHARS = 4_000

const leaseLeft = `case when o.id is not null then extract(epoch from greatest(o.seen_at, q.asked_at, q.held_at)
    + q.ttl_ms * interval '1 millisecond' - statement_timestamp()) * 1000 end::float8 as left_ms`
/** One instant for all rows: what waits equally long does not change places from one look to the next. */
const since = (at: string): string => `(extract(epoch from statement_timestamp() - ${at}) * 1000)::float8`

export interface KeyRow {
  /** Of all that were looked at; the same in each row. */
  looked: number
  held: number
  waiting_in_all: number
  /** Tickets that wait in the scope of another lock. */
  nested: string[]
  /** Null: there is none; the columns that follow are null too. */
  key: string | null
  holders: number
  waiting: number
  longest_ms: number | null
  fence: string | null
  owner: string | null
  label: string | null
  is_shared: boolean | null
  held_ms: number | null
  left_ms: number | null
}

/** The most contended keys, and `key` too. */
export async function listKeys(db: Asked, key: string | null): Promise<KeyRow[]> {
  const text = `/* holdfast:locks.list-keys */
    with looked as materialized (
      (select * from holdfast.locks_requests order by ticket limit $2)
      union (select * from holdfast.locks_requests order by ticket desc limit $2)
      union (select * from holdfast.locks_requests where key = $1::text order by ticket limit $2)),
    states as materialized (
      select q.key, q.ticket, q.is_shared, q.within, q.fence, q.label, o.name as owner, ${leaseLeft},
             ${since('q.held_at')} as held_ms, ${since('q.asked_at')} as waited_ms
        from looked q left join holdfast.locks_owners o on o.id = q.owner),
    keys as materialized (
      select s.key, (count(*) filter (where s.fence is not null))::int as holders,
             (count(*) filter (where s.fence is null and s.left_ms > 0))::int as waiting,
             max(s.waited_ms) filter (where s.fence is null and s.left_ms > 0) as longest_ms, max(s.held_ms) as held_ms
        from states s group by s.key),
    shown as (
      select * from keys k
       order by k.key is not distinct from $1 desc, k.waiting desc, k.longest_ms desc nulls last, k.held_ms desc nulls last
       limit ${MOST_KEYS}),
    holders as (
      select distinct on (s.key) s.key, s.fence, s.owner, s.label, s.is_shared, s.held_ms, s.left_ms
        from states s where s.fence is not null order by s.key, coalesce(s.left_ms, 0) > 0, s.ticket),
    totals as (
      select (select count(*) from looked)::int as looked, (select count(*) from keys k where k.holders > 0)::int as held,
             (select coalesce(sum(k.waiting), 0) from keys k)::int as waiting_in_all,
             array(select s.ticket from states s where s.fence is null and s.within is not null and s.left_ms > 0
                    order by s.ticket limit ${MOST_NESTED}) as nested)
    select t.*, k.key, k.holders, k.waiting, k.longest_ms, h.fence, h.owner, h.label, h.is_shared, h.held_ms, h.left_ms
      from totals t left join shown k on true left join holders h on h.key = k.key
     order by k.waiting desc, k.longest_ms desc nulls last, k.held_ms desc nulls last, k.key`
  return (await db.query<KeyRow>(text, [key, LOOKED_AT], deadline)).rows
}

export interface EntryRow {
  fence: string | null
  owner: string | null
  label: string | null
  is_shared: boolean
  amount: number
  held_ms: number | null
  waited_ms: number
  left_ms: number | null
}

/** Of one key the first holders and the first waiters. */
export async function listEntries(db: Asked, key: string, most: number): Promise<EntryRow[]> {
  const text = `/* holdfast:locks.list-entries */
    with looked as materialized (select * from holdfast.locks_requests where key = $1 order by ticket limit $3),
    placed as (select l.*, row_number() over (partition by l.fence is null order by l.ticket) as place from looked l)
    select q.fence, o.name as owner, q.label, q.is_shared, q.amount, ${since('q.held_at')} as held_ms,
           ${since('q.asked_at')} as waited_ms, ${leaseLeft}
      from placed q left join holdfast.locks_owners o on o.id = q.owner where q.place <= $2 order by q.ticket`
  return (await db.query<EntryRow>(text, [key, most, LOOKED_AT], deadline)).rows
}

export interface MemberRow {
  circle: string
  owner: string | null
  label: string | null
  wants: string[]
  holds: string[]
}

/** Members of the circles that these tickets wait in, each before the one that it waits for. */
export async function listCircles(db: Asked, tickets: readonly string[]): Promise<MemberRow[]> {
  // Each of its members gives the same circle, begun at another place.
  const text = `/* holdfast:locks.list-circles */
    with found as materialized (
      select holdfast.locks_find_circle(t) as tickets from unnest($1::bigint[]) t),
    circles as materialized (
      select distinct on (f.members) f.tickets, f.tickets[1] as circle
        from (select tickets, array(select m from unnest(tickets) m order by m) as members from found where tickets is not null) f)
    select c.circle, o.name as owner, r.label, array(select q.key from holdfast.locks_requests q where q.ticket = m.ticket order by 1 limit 5) as wants,
           array(select q.key from holdfast.locks_requests q where q.ticket = r.within order by 1 limit 5) as holds
      from circles c cross join lateral unnest(c.tickets) with ordinality m (ticket, place)
      cross join lateral (select * from holdfast.locks_requests q where q.ticket = m.ticket limit 1) r
      left join holdfast.locks_owners o on o.id = r.owner
     order by c.circle, m.place`
  return (await db.query<MemberRow>(text, [tickets], circleDeadline)).rows
}

export interface SessionRow {
  pid: number
  application: string
  state: string | null
  state_ms: number | null
  transaction_ms: number | null
  query: string | null
  is_hidden: boolean
  waited_ms: number | null
  type: string | null
  mode: string | null
  relation: string | null
  blocked_by: number[]
  waiting_in_all: number
}

/** Sessions of this database that wait, and those in their way, of whatever database. */
export async function listSessions(db: Asked): Promise<SessionRow[]> {
  // Who waits is read from pg_locks: of others' sessions pg_stat_activity shows it to few roles. One that waits for a row
  // waits for its writer's transaction; which table that is tells the tuple lock that it has meanwhile.
  const text = `/* holdfast:locks.list-sessions */
    with recursive locks as materialized (
      select l.pid, l.granted, l.locktype, l.mode, l.relation, l.waitstart from pg_locks l where not l.granted or l.locktype = 'tuple'),
    activity as materialized (select * from pg_stat_activity),
    waiting as materialized (
      select l.* from locks l join activity a on a.pid = l.pid where not l.granted and a.datname = current_database()),
    involved (pid) as (
      select w.pid from (select pid from waiting order by waitstart nulls last limit ${MOST_WAITING}) w
      union
      select b.pid from involved i cross join lateral unnest(pg_blocking_pids(i.pid)) b (pid))
    select i.pid, coalesce(nullif(a.application_name, ''), a.backend_type, '') as application, a.state,
           ${since('a.state_change')} as state_ms, ${since('a.xact_start')} as transaction_ms,
           a.pid is not null and a.query = '<insufficient privilege>' as is_hidden, left(a.query, ${MOST_QUERY_CHARS}) as query,
           case when w.pid is not null then coalesce(${since('w.waitstart')}, 0) end as waited_ms, w.locktype as type, w.mode,
           coalesce(w.relation, (select l.relation from locks l where w.pid is not null and l.pid = i.pid and l.granted limit 1))::regclass::text as relation,
           array(select distinct b from unnest(pg_blocking_pids(i.pid)) b) as blocked_by,
           (select count(*) from waiting)::int as waiting_in_all
      from involved i left join activity a on a.pid = i.pid left join waiting w on w.pid = i.pid`
  return (await db.query<SessionRow>(text, [], deadline)).rows
}
