import { quoteLiteral } from './ast.js'
import type { ParameterUse } from './needs.js'
import type { Asker } from './session.js'

export interface Planned {
  cost: number
  /** Names in the plan. */
  indexes: string[]
  /** Where it was run. @unit ms */
  ms: number | undefined
}

/** Plans a statement, or runs it too, with its values. What comes back has none of them. */
export type Planner = (isRun: boolean) => Promise<Planned>

interface ExplainRow extends Record<string, unknown> {
  'QUERY PLAN': [{ Plan: PlanNode; 'Execution Time'?: number }]
}

interface PlanNode {
  'Total Cost': number
  'Index Name'?: string
  Plans?: PlanNode[]
}

const explain = (isRun: boolean): string => `explain (${isRun ? 'analyze, timing off, ' : ''}format json)`

export function planWithValues(ask: Asker, text: string, values: readonly unknown[]): Planner {
  return async (isRun) => {
    const [row] = await ask<ExplainRow>(`/* holdfast:watch.explain */ ${explain(isRun)} ${text}`, values)
    const [{ Plan: plan, 'Execution Time': ms }] = (row as ExplainRow)['QUERY PLAN']
    return { cost: plan['Total Cost'], indexes: listIndexes(plan), ms }
  }
}

function listIndexes(plan: PlanNode): string[] {
  const name = plan['Index Name']
  return [...(name === undefined ? [] : [name]), ...(plan.Plans ?? []).flatMap(listIndexes)]
}

const NAME = 'holdfast_advice'

/**
 * Where no values are given the server takes frequent ones of its own statistics, puts them in by itself and answers
 * with costs and names alone: they do not leave it. Where it has none the plan is the generic one.
 */
export async function planWithStatistics(
  ask: Asker,
  text: string,
  parameters: ReadonlyMap<number, ParameterUse>,
): Promise<Planner> {
  await ask(`/* holdfast:watch.prepare */ prepare ${NAME} as ${text}`, [])
  const [prepared] = await ask<{ many: number }>(
    `/* holdfast:watch.count_parameters */ select cardinality(parameter_types)::int as many from pg_prepared_statements where name = '${NAME}'`,
    [],
  )
  const many = prepared?.many ?? 0
  const places = Array.from({ length: many }, (_, place) => place + 1)
  const uses = places.map((place) => parameters.get(place))
  const expressions = uses.map((use, place) => writeFrequent(use, uses.slice(0, place).filter(isSameUse(use)).length))
  const [chosen] = await ask<{ is_known: boolean }>(
    `/* holdfast:watch.choose_values */
     with chosen (place, value) as (values ${expressions.map((expression, place) => `(${place}, ${expression})`).join(', ')}),
          kept as (select set_config('holdfast.advice_values', string_agg(quote_nullable(value), ', ' order by place), true) from chosen)
     select bool_and(value is not null) as is_known from chosen cross join kept`,
    [],
  )
  const mode = chosen?.is_known === true ? 'force_custom_plan' : 'force_generic_plan'
  await ask(`/* holdfast:watch.plan_mode */ set local plan_cache_mode = ${mode}`, [])
  return async (isRun) => {
    await ask(writeBlock(isRun && mode === 'force_custom_plan'), [])
    const [row] = await ask<{ plan: Planned & { ms: number | null } }>(
      `/* holdfast:watch.read_plan */ select current_setting('holdfast.advice_plan')::json as plan`,
      [],
    )
    const { cost, indexes, ms } = (row as { plan: Planned & { ms: number | null } }).plan
    return { cost, indexes, ms: ms ?? undefined }
  }
}

const isSameUse =
  (use: ParameterUse | undefined) =>
  (other: ParameterUse | undefined): boolean =>
    use !== undefined && other !== undefined && 'column' in use && 'column' in other && use.column === other.column

/** The `place`th of a column's frequent values; of one without such, one from the middle. */
function writeFrequent(use: ParameterUse | undefined, place: number): string {
  if (use === undefined) return 'null::text'
  if (use.how === 'limit') return `'50'`
  const { column, table, how } = use
  const common = 'most_common_vals::text::text[]'
  const bounds = 'histogram_bounds::text::text[]'
  const middle = `(${bounds})[greatest(1, cardinality(${bounds}) / 2 + ${place})]`
  const near = (share: number) => `(${bounds})[greatest(1, (cardinality(${bounds}) * ${share})::int)]`
  const first = `coalesce((${common})[${place + 1}], ${middle})`
  const value = {
    equal: first,
    among: `coalesce((${common})[1:3], (${bounds})[2:4])::text`,
    above: `coalesce(${near(0.9)}, (${common})[1])`,
    below: `coalesce(${near(0.95)}, (${common})[1])`,
    prefix: `left(${first}, 3) || '%'`,
  }[how]
  return `(select ${value} from pg_stats where schemaname = ${quoteLiteral(table.schema)} and tablename = ${quoteLiteral(table.name)}
    and attname = ${quoteLiteral(column.name)} order by inherited desc limit 1)`
}

function writeBlock(isRun: boolean): string {
  return `/* holdfast:watch.explain_inside */ do $holdfast$
    declare
      plan jsonb;
      given text := current_setting('holdfast.advice_values', true);
    begin
      execute '${explain(isRun)} execute ${NAME}' || case when given <> '' then '(' || given || ')' else '' end into plan;
      perform set_config('holdfast.advice_plan', jsonb_build_object('cost', plan #> '{0,Plan,Total Cost}', 'ms', plan #> '{0,Execution Time}',
        'indexes', jsonb_path_query_array(plan, '$.**."Index Name"'))::text, true);
    end $holdfast$`
}

/** Through a pooler the session outlives us. */
export async function forgetPrepared(ask: Asker): Promise<void> {
  await ask(`/* holdfast:watch.deallocate */ deallocate ${NAME}`, []).catch(() => undefined)
}
