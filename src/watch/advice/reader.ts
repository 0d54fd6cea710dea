import type { SelectStmt } from './ast.js'
import type { Key, Need, ParameterUse, StatementNeeds } from './needs.js'
import type { Derived, Scope } from './scope.js'
import type { Catalog } from './types.js'

/** What is at hand while a statement is read, and where what is found goes. */
export interface Reader {
  catalog: Catalog
  needs: StatementNeeds
  /** The extension pg_trgm is there. */
  hasTrigrams: boolean
  readSelect(select: SelectStmt, outer: Scope | undefined): Derived
}

export function noteParameters(
  parameters: readonly number[],
  need: Need,
  key: Key,
  how: Exclude<ParameterUse['how'], 'limit'>,
  needs: StatementNeeds,
): void {
  const [column] = key.columns
  if (parameters.length !== 1 || column === undefined || key.isExpression) return
  needs.parameters.set(parameters[0] as number, { column, table: need.table, how })
}
