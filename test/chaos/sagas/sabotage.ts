// Guards that a run can be made without, to see that its invariants notice (`--without fence,together`).

/** fence: whoever writes has it. together: a step's SQL is one transaction, its record another one; the workers do that. */
export const sagaGuards = ['fence', 'together']

/** SQL that takes them away. */
export function removeSagaGuards(names: readonly string[]): string[] {
  if (!names.includes('fence')) return []
  return [
    `do $do$ declare v text := pg_get_functiondef('holdfast.sagas_write'::regproc); begin
      assert position('i.owner = p_owner and i.fence = r.fence' in v) > 0, 'sagas_write has another text';
      execute replace(v, 'i.owner = p_owner and i.fence = r.fence', 'true');
    end $do$`,
  ]
}
