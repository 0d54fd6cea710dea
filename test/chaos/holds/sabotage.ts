// Guards that a run can be made without, to see that its invariants notice (`--without lock,key`).

/** Puts another text in the place of a part of a function. */
function replaceIn(name: string, part: string, other: string): string {
  return `do $do$ begin
    assert position($x$${part}$x$ in pg_get_functiondef('holdfast.${name}'::regproc)) > 0, '${name} has another text';
    execute replace(pg_get_functiondef('holdfast.${name}'::regproc), $x$${part}$x$, $x$${other}$x$);
  end $do$`
}

const functions: Record<string, string[]> = {
  // Two look at a stock, then both take: the pause makes up for how few processes there are.
  lock: [
    replaceIn('holds_take_stock', 'from %s where %I = %L for no key update', 'from %s, pg_sleep(0.005) where %I = %L'),
    replaceIn('holds_take_stock', 'and %I >= $1 returning', 'and %I is not null returning'),
  ],
  // Two look at units, then both take them.
  units: [replaceIn('holds_lock_units', 'for no key update skip locked', '')],
  // Who asks again gets another one.
  key: [
    'drop index holdfast.holds_taken_key',
    replaceIn('holds_take_stock', 't.key = p_keys[i]', 'false'),
    replaceIn('holds_take_units', 't.key = v_want.key', 'false'),
  ],
  // Half of the orders: their holds stay what they were, and expire.
  confirm: [replaceIn('holds_confirm', 'set is_confirmed = true', 'set is_confirmed = (t.id % 2 = 0)')],
  // Confirming and ordering are two transactions: the workers do that.
  together: [],
  // What has expired is forgotten, not put back.
  back: [replaceIn('holds_put_back', 'if p_ids is null then', 'if true then')],
  // What has expired stays.
  expiry: [replaceIn('holds_reclaim', 't.expires_at <= v_now', 'false')],
}

export const holdGuards = Object.keys(functions)

/** SQL that takes them away. */
export function removeHoldGuards(names: readonly string[]): string[] {
  return names.flatMap((name) => functions[name] ?? [])
}
