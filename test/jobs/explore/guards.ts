import type pg from 'pg'

/** A rule of the protocol that is taken out of a function's text: exactly once there, or the test fails. */
export interface Guard {
  in: string
  text: string
  without: string
}

export const guards = {
  fence: {
    in: 'jobs_hold_claims',
    text: `select coalesce(array_agg(held.cid), '{}') from (
    select c.cid from holdfast.jobs_claims c
     where c.lane = p_lane and c.cid = any(p_cids) and c.worker = p_worker for key share) held`,
    without: 'select p_cids',
  },
  fenceKnowsWorker: {
    in: 'jobs_hold_claims',
    text: ' and c.worker = p_worker for key share',
    without: ' for key share',
  },
  laneLock: {
    in: 'jobs_claim',
    text: 'perform from holdfast.jobs_lanes l where l.lane = p_lanes[i] for update skip locked',
    without: 'perform from holdfast.jobs_lanes l where l.lane = p_lanes[i]',
  },
  openClaims: { in: 'jobs_claim', text: 'and (v_open is null or not r.id <@ v_open)', without: '' },
  oldestOpenClaim: {
    in: 'jobs_claim',
    text: 'if v_oldest is null then opened := cid; end if;',
    without: 'opened := cid;',
  },
  workerIsKnown: {
    in: 'jobs_claim',
    text: `if not found then raise exception 'worker % is not registered any more', p_worker using errcode = 'HF001'; end if;`,
    without: '',
  },
  workerIsHeld: {
    in: 'jobs_claim',
    text: 'perform from holdfast.jobs_workers w where w.id = p_worker for key share;',
    without: 'perform from holdfast.jobs_workers w where w.id = p_worker;',
  },
  freshIdsOnReturn: {
    in: 'jobs_return',
    text: `select nextval('holdfast.jobs_ids') as new_id, g.*`,
    without: 'select g.id as new_id, g.*',
  },
  freshIdsOnReap: {
    in: 'jobs_reap',
    text: `select nextval('holdfast.jobs_ids') as new_id, g.*`,
    without: 'select g.id as new_id, g.*',
  },
  lease: {
    in: 'jobs_reap',
    text: `(p_session_ended or w.seen_at < now() - w.lease_ms * interval '1 millisecond')`,
    without: 'true',
  },
  finishRaises: { in: 'jobs_finish', text: '<> cardinality(p_id)', without: '< 0' },
  isolation: {
    in: 'jobs_claim',
    text: `current_setting('transaction_isolation') <> 'read committed'`,
    without: 'false',
  },
} satisfies Record<string, Guard>

/** Runs with the guard taken out of the function in this database, and puts it back. */
export async function runWithout<T>(owner: pg.Client, guard: Guard, body: () => Promise<T>): Promise<T> {
  const original = await readFunction(owner, guard.in)
  const parts = original.split(guard.text)
  if (parts.length !== 2)
    throw new Error(
      `${guard.in} holds the guard ${parts.length - 1} times, not once. Bring explore/guards.ts up to date: ${guard.text}`,
    )
  await owner.query(parts.join(guard.without))
  try {
    return await body()
  } finally {
    await owner.query(original)
  }
}

async function readFunction(owner: pg.Client, name: string): Promise<string> {
  const text = `select pg_get_functiondef(p.oid) as text from pg_proc p where p.pronamespace = 'holdfast'::regnamespace and p.proname = $1`
  const { rows } = await owner.query<{ text: string }>(text, [name])
  if (rows.length !== 1) throw new Error(`There are ${rows.length} functions ${name}.`)
  return (rows[0] as { text: string }).text
}
