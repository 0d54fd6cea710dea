// All SQL of sagas that is neither a function (migrations/0012) nor for looking at them (inspect-store.ts).

import type { BatchStatement, Queryable } from '../core/index.js'
import type { Loaded, StartRecord, StartRow, WaitingSignal, Write, Written } from './records.js'
import type { SagaState } from './types.js'

type Asked = Pick<Queryable, 'query'>

export const CHANNEL = 'holdfast_sagas'

export async function register(db: Queryable, name: string, version: number, keepMs: number): Promise<number> {
  const text = '/* holdfast:sagas.register */ select holdfast.sagas_register($1, $2, $3) as id'
  return (await db.query<{ id: number }>(text, [name, version, keepMs])).rows[0]?.id as number
}

export async function join(
  db: Queryable,
  instance: string,
  leaseMs: number,
  kinds: readonly number[],
): Promise<{ owner: string; nowMs: number }> {
  const text = `/* holdfast:sagas.join */
    insert into holdfast.sagas_workers (instance, lease_ms, kinds) values ($1, $2, $3)
    returning id::text as owner, extract(epoch from clock_timestamp())::float8 * 1000 as now_ms`
  const [row] = (await db.query<{ owner: string; now_ms: number }>(text, [instance, leaseMs, kinds])).rows
  return { owner: (row as { owner: string }).owner, nowMs: (row as { now_ms: number }).now_ms }
}

/** Undefined: its row is gone. */
export async function beat(
  db: Queryable,
  owner: string,
  deadlineMs: number,
): Promise<{ nowMs: number; owned: string[]; cancelled: string[] } | undefined> {
  const text = '/* holdfast:sagas.beat */ select now_ms, owned, cancelled from holdfast.sagas_beat($1)'
  type Row = { now_ms: number | null; owned: string[]; cancelled: string[] }
  const [row] = (await db.query<Row>(text, [owner], { deadlineMs })).rows
  return row?.now_ms == null ? undefined : { nowMs: row.now_ms, owned: row.owned, cancelled: row.cancelled }
}

export async function leave(db: Queryable, owner: string): Promise<number> {
  const text = '/* holdfast:sagas.leave */ select holdfast.sagas_leave($1) as amount'
  return (await db.query<{ amount: number }>(text, [owner])).rows[0]?.amount ?? 0
}

export async function handOn(db: Queryable): Promise<number> {
  const text = '/* holdfast:sagas.hand_on */ select holdfast.sagas_hand_on() as amount'
  return (await db.query<{ amount: number }>(text)).rows[0]?.amount ?? 0
}

export async function prune(db: Queryable, most: number): Promise<number> {
  const text = '/* holdfast:sagas.prune */ select holdfast.sagas_prune($1) as amount'
  return (await db.query<{ amount: number }>(text, [most])).rows[0]?.amount ?? 0
}

/** With an owner they are its own from the start. */
export async function start(
  db: Queryable,
  owner: string | null,
  records: readonly StartRecord[],
  isPrepared = false,
): Promise<StartRow[]> {
  const text =
    '/* holdfast:sagas.start */ select id, token::text, is_new, is_owned, is_same from holdfast.sagas_start($1, $2)'
  const json = `[${records.map(toStartJson).join(',')}]`
  return (await db.query<StartRow>(text, [owner, json], isPrepared ? { name: 'hf_sagas_start' } : {})).rows
}

function toStartJson({ id, kind, token, doing, input, timeoutMs: timeout }: StartRecord): string {
  return withRaw({ id, kind, token, doing, timeout }, 'input', input)
}

/** Gives those that were written; the others are locked by somebody, or in other hands. */
export async function write(
  db: Queryable,
  owner: string,
  writes: readonly Write[],
  waits: boolean,
  isPrepared = false,
): Promise<Written[]> {
  const text = `/* holdfast:sagas.write */
    select id, signals, is_cancelled, is_parked from holdfast.sagas_write($1, $2, $3, $4, $5, $6)`
  const params = [owner, ...toParams(writes), waits]
  return (await db.query<Written>(text, params, isPrepared ? { name: 'hf_sagas_write' } : {})).rows
}

/** To be sent with the COMMIT of a step's own SQL. Raises HF041 for a saga in other hands. */
export function recordStatement(owner: string, one: Write): BatchStatement {
  const text = '/* holdfast:sagas.record */ select from holdfast.sagas_record($1, $2, $3, $4, $5)'
  return { text, params: [owner, ...toParams([one])] }
}

function toParams(writes: readonly Write[]): (string | null)[] {
  const records = writes.map(({ id, fence, doing, state, leaves, seen, wake, isUndoing, isPivoted, output, error }) => {
    const row = { id, fence, doing, state, leaves, seen, wake, undoing: isUndoing, pivoted: isPivoted, error }
    return withRaw(row, 'output', output)
  })
  const steps = writes.flatMap(({ id, steps: of }) =>
    of.map(({ output, ...step }) => withRaw({ id, ...step, nil: output === 'null' }, 'output', output)),
  )
  const undone = writes.flatMap(({ id, undone: of }) => of.map((one) => JSON.stringify({ id, ...one })))
  const taken = writes.flatMap(({ id, taken: of }) => of.map((one) => JSON.stringify({ id, ...one })))
  return [`[${records.join(',')}]`, toList(steps), toList(undone), toList(taken)]
}

const toList = (items: readonly string[]): string | null => (items.length === 0 ? null : `[${items.join(',')}]`)

/** What is JSON already is not written a second time. */
function withRaw(row: object, name: string, raw: string | undefined): string {
  const text = JSON.stringify(row)
  return raw === undefined ? text : `${text.slice(0, -1)},"${name}":${raw}}`
}

const loadedColumns = `id, kind, fence, state, is_undoing, is_pivoted, is_cancelled, crashes, signals, doing, input, error,
    ends_by, steps, waiting`

export async function claim(
  db: Queryable,
  owner: string,
  kinds: readonly number[],
  most: number,
  isPrepared = false,
): Promise<Loaded[]> {
  const text = `/* holdfast:sagas.claim */ select ${loadedColumns} from holdfast.sagas_claim($1, $2, $3)`
  return (await db.query<Loaded>(text, [owner, kinds, most], isPrepared ? { name: 'hf_sagas_claim' } : {})).rows
}

/** Undefined: it is not this owner's any more. */
export async function load(db: Queryable, owner: string, id: string): Promise<Loaded | undefined> {
  const text = `/* holdfast:sagas.load */ select ${loadedColumns} from holdfast.sagas_load($1, array[$2])`
  return (await db.query<Loaded>(text, [owner, id])).rows[0]
}

/** Whether a step is recorded, or the saga has ended: what became of a COMMIT that nobody saw the answer of. */
export async function isRecorded(db: Queryable, id: string, seq: number): Promise<boolean> {
  const text = '/* holdfast:sagas.is_recorded */ select from holdfast.sagas_steps where saga = $1 and seq = $2'
  return (await db.query(text, [id, seq])).rowCount === 1
}

export async function isUndone(db: Queryable, id: string, seq: number): Promise<boolean> {
  const text = `/* holdfast:sagas.is_undone */
    select from holdfast.sagas_steps where saga = $1 and seq = $2 and undo = 'done'`
  return (await db.query(text, [id, seq])).rowCount === 1
}

export async function listSignals(db: Queryable, id: string): Promise<{ signals: number; waiting: WaitingSignal[] }> {
  const text = `/* holdfast:sagas.signals */
    select i.signals, coalesce((select json_agg(json_build_object('id', g.id::text, 'event', g.event, 'payload', g.payload) order by g.id)
                                  from holdfast.sagas_signals g where g.saga = i.id and g.taken_by is null), '[]') as waiting
      from holdfast.sagas_instances i where i.id = $1`
  const [row] = (await db.query<{ signals: number; waiting: WaitingSignal[] }>(text, [id])).rows
  return row ?? { signals: 0, waiting: [] }
}

export async function signal(
  db: Queryable,
  id: string,
  event: string,
  payload: string | undefined,
  key: string | undefined,
): Promise<{ state: SagaState | null; isNew: boolean }> {
  const text = '/* holdfast:sagas.signal */ select state, is_new from holdfast.sagas_signal($1, $2, $3, $4)'
  const params = [id, event, payload ?? null, key ?? null]
  const [row] = (await db.query<{ state: SagaState | null; is_new: boolean }>(text, params)).rows
  return { state: row?.state ?? null, isNew: row?.is_new === true }
}

export async function cancel(
  db: Asked,
  id: string,
  reason: string | undefined,
  actor: string | undefined,
): Promise<'asked' | 'undoing' | 'pivoted' | 'ended' | null> {
  const text = '/* holdfast:sagas.cancel */ select holdfast.sagas_cancel($1, $2, $3) as answer'
  type Row = { answer: 'asked' | 'undoing' | 'pivoted' | 'ended' | null }
  return (await db.query<Row>(text, [id, reason ?? null, actor ?? null])).rows[0]?.answer ?? null
}

export async function retry(
  db: Asked,
  id: string,
  reason: string | undefined,
  actor: string | undefined,
): Promise<boolean | null> {
  const text = '/* holdfast:sagas.retry */ select holdfast.sagas_retry($1, $2, $3) as answer'
  const [row] = (await db.query<{ answer: boolean | null }>(text, [id, reason ?? null, actor ?? null])).rows
  return row?.answer ?? null
}

export async function skipUndo(
  db: Asked,
  id: string,
  step: string,
  reason: string,
  actor: string | undefined,
): Promise<'skipped' | 'not-stuck' | 'no-step' | null> {
  const text = '/* holdfast:sagas.skip_undo */ select holdfast.sagas_skip_undo($1, $2, $3, $4) as answer'
  type Row = { answer: 'skipped' | 'not-stuck' | 'no-step' | null }
  return (await db.query<Row>(text, [id, step, reason, actor ?? null])).rows[0]?.answer ?? null
}

export async function notify(db: Asked, payload: string): Promise<void> {
  await db.query('/* holdfast:sagas.notify */ select pg_notify($1, $2)', [CHANNEL, payload])
}

export interface StatusRow {
  id: string
  name: string
  version: number
  state: SagaState
  is_cancelled: boolean
  is_undoing: boolean
  is_pivoted: boolean
  error: { name: string; message: string; step?: string } | null
  doing: { name: string; kind: string; until?: number }[]
  started_at: Date
  ends_by: Date
  finished_at: Date | null
  output: unknown
  is_void: boolean
}

const statusColumns = `i.id, k.name, k.version, i.state, i.is_cancelled, i.is_undoing, i.is_pivoted, i.error, i.doing, i.started_at,
    i.ends_by, i.finished_at`

export async function findStatus(db: Queryable, id: string): Promise<StatusRow | undefined> {
  const text = `/* holdfast:sagas.status */
    select ${statusColumns}, i.output, i.output is null as is_void
      from holdfast.sagas_instances i join holdfast.sagas_kinds k on k.id = i.kind where i.id = $1`
  return (await db.query<StatusRow>(text, [id])).rows[0]
}

/** Newest first. Each state has an index that finds its rows: those that ended, and the parked, are many. */
export async function list(db: Queryable, state: SagaState, name: string | null, most: number): Promise<StatusRow[]> {
  const { which, order } = listOf[state]
  const parts = which.map(
    (where) => `(select * from holdfast.sagas_instances i where i.kind = k.id and ${where} order by ${order} limit $2)`,
  )
  const text = `/* holdfast:sagas.list */
    select ${statusColumns}, null as output, true as is_void
      from holdfast.sagas_kinds k cross join lateral (${parts.join(' union all ')}) i
     where $1::text is null or k.name = $1
     order by ${order} limit $2`
  return (await db.query<StatusRow>(text, [name, most])).rows
}

/** What finds the rows of a state, each by an index. */
const listOf: Readonly<Record<SagaState, { which: readonly string[]; order: string }>> = {
  stuck: { which: [`i.state = 'stuck'`], order: 'i.started_at desc' },
  compensating: { which: [`i.state = 'compensating'`], order: 'i.started_at desc' },
  running: {
    which: [
      `i.state = 'running' and i.owner is not null`,
      // Due, and nobody has it.
      `i.state = 'running' and i.owner is null and i.wake_at is not null and i.wake_at <= now()`,
    ],
    order: 'i.started_at desc',
  },
  waiting: { which: [`i.state = 'waiting' and i.owner is null and i.wake_at is not null`], order: 'i.wake_at' },
  done: { which: [`i.state = 'done' and i.finished_at is not null`], order: 'i.finished_at desc' },
  compensated: { which: [`i.state = 'compensated' and i.finished_at is not null`], order: 'i.finished_at desc' },
}

export interface StrandedRow {
  name: string
  version: number
  amount: number
}

/**
 * Versions that no live worker has, with instances that are due, parked or stuck, or still in the name of a process that is
 * gone: with the last one nobody was left to hand them on.
 */
export async function listStranded(db: Queryable): Promise<StrandedRow[]> {
  const text = `/* holdfast:sagas.stranded */
    with live as materialized (
      select w.id, w.kinds from holdfast.sagas_workers w where w.seen_at + w.lease_ms * interval '1 millisecond' >= clock_timestamp())
    select k.name, k.version, n.amount from holdfast.sagas_kinds k
      cross join lateral (select count(*)::integer as amount from (select from (
        (select from holdfast.sagas_instances i where i.kind = k.id and i.owner is null and i.wake_at is not null limit 1000)
        union all (select from holdfast.sagas_instances i where i.kind = k.id and i.state = 'stuck' limit 1000)
        union all (select from holdfast.sagas_workers w join holdfast.sagas_instances i on i.owner = w.id
                    where i.kind = k.id and not exists (select from live where live.id = w.id) limit 1000)) i limit 1000) i) n
     where n.amount > 0 and not exists (select from live where k.id = any(live.kinds))
     order by k.name, k.version`
  return (await db.query<StrandedRow>(text)).rows
}
