// Guards that a run can be made without, to see that its invariants notice (`--without fence,order`).

/** Of a request, whoever is in its way: true of all of them in the real one. */
const blockers: Record<string, string> = {
  // Whoever waits is passed by.
  order: 'q.fence is not null',
  // Whoever wants to be alone does not wait for shared ones.
  shared: 'not q.is_shared',
}

function replaceNext(conditions: readonly string[]): string {
  return `create or replace function holdfast.locks_is_next(p_key text, p_ticket bigint, p_is_shared boolean) returns boolean
    language plpgsql as $$
    begin
      delete from holdfast.locks_requests q
       where q.key = p_key and q.ticket < p_ticket and ${conditions.join(' and ')} and not holdfast.locks_is_live(q);
      return not exists (
        select from holdfast.locks_requests q
         where q.key = p_key and q.ticket < p_ticket and not (q.is_shared and p_is_shared) and ${conditions.join(' and ')});
    end $$`
}

const functions: Record<string, string> = {
  // A holder writes without being asked for its fence.
  fence: `create or replace function holdfast.locks_guard(p_ticket bigint, p_fence bigint) returns void
    language sql as $$ select $$;
    create or replace function holdfast.locks_guard_mark(p_keys text[], p_fence bigint, p_is_shared boolean) returns void
    language sql as $$ select $$`,
  // Two look at a queue at once.
  mutex: `create or replace function holdfast.locks_enter(p_keys text[]) returns void language sql as $$ select $$;
    do $do$
    declare v_name text;
    begin
      foreach v_name in array array['locks_request_one', 'locks_release_one'] loop
        assert position('perform pg_advisory_xact_lock' in pg_get_functiondef(('holdfast.' || v_name)::regproc)) > 0;
        execute regexp_replace(pg_get_functiondef(('holdfast.' || v_name)::regproc), 'perform pg_advisory_xact_lock[^;]*;', '');
      end loop;
    end $do$`,
  // The dead keep what they have.
  expiry: `create or replace function holdfast.locks_is_live(q holdfast.locks_requests) returns boolean
    language sql as $$ select true $$`,
  // A short one that is a transaction and nothing else.
  short: `create or replace function holdfast.locks_short(p_key text, p_ttl_ms integer, p_wait_ms integer) returns void
    language sql as $$ select $$`,
}

export const lockGuards = [...Object.keys(blockers), ...Object.keys(functions)]

/** SQL that takes them away. */
export function removeLockGuards(names: readonly string[]): string[] {
  const conditions = names.flatMap((name) => blockers[name] ?? [])
  const replaced = names.flatMap((name) => functions[name] ?? [])
  return conditions.length === 0 ? replaced : [...replaced, replaceNext(conditions)]
}
