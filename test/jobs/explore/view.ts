import type { Client } from 'pg'
import type { Names } from './actor.js'

/** What one connection sees of the jobs. */
export interface View {
  ready: { id: number; body: string; attempt: number; crashes: number }[]
  /** `ids`: of the rows that are there. */
  claims: { cid: number; worker: string; ids: number[]; started: number[] }[]
  later: string[]
  dead: string[]
  workers: string[]
  effects: string[]
}

const text = `select
  (select coalesce(json_agg(json_build_object('id', id, 'body', body, 'attempt', attempt, 'crashes', crashes) order by id), '[]') from holdfast.jobs_ready) as ready,
  (select coalesce(json_agg(json_build_object('cid', c.cid, 'worker', c.worker::text, 'started', c.started,
     'ids', array(select r.id from holdfast.jobs_ready r where c.ids @> r.id order by r.id)) order by c.cid), '[]') from holdfast.jobs_claims c) as claims,
  (select coalesce(json_agg(body || ' ' || attempt order by body), '[]') from holdfast.jobs_later) as later,
  (select coalesce(json_agg(body::text order by body::text), '[]') from holdfast.jobs_dead) as dead,
  (select coalesce(json_agg(id::text order by id), '[]') from holdfast.jobs_workers) as workers,
  (select coalesce(json_agg(body order by body), '[]') from public.effects) as effects`

export async function readView(client: Client): Promise<View> {
  const { rows } = await client.query<View>({ name: 'view', text })
  return rows[0] as View
}

/** Jobs that a claim may take. */
export function findClaimable({ ready, claims }: View): View['ready'] {
  const held = new Set(claims.flatMap(({ ids }) => ids))
  return ready.filter(({ id }) => !held.has(id))
}

export function makeNames(views: readonly View[], xids: ReadonlyMap<string, bigint>): Names {
  const rows = sortUnique(views.flatMap(({ ready }) => ready.map(({ id }) => id)))
  const claims = sortUnique(views.flatMap(({ claims }) => claims.map(({ cid }) => cid)))
  const below = (all: readonly number[], mark: number) => all.filter((id) => id < mark).length
  const place = (all: readonly number[], id: number) => (all.includes(id) ? String(below(all, id)) : 'gone')
  return {
    row: (id) => place(rows, id),
    rowsBelow: (mark) => below(rows, mark),
    claim: (cid) => place(claims, cid),
    claimsBelow: (cid) => below(claims, cid),
    openBefore: (xid) => [...xids].flatMap(([actor, own]) => (own < xid ? [actor] : [])).join(),
  }
}

const sortUnique = (numbers: readonly number[]) => [...new Set(numbers)].toSorted((a, b) => a - b)

export function describeView(view: View, names: Names): unknown {
  return [
    view.ready.map(({ id, body, attempt, crashes }) => [names.row(id), body, attempt, crashes]),
    view.claims.map(({ cid, worker, ids, started }) => [
      names.claim(cid),
      worker,
      ids.map((id) => names.row(id)),
      started.map((id) => names.row(id)),
    ]),
    view.later,
    view.dead,
    view.workers,
    view.effects,
  ]
}
