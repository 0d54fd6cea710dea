import type { Flip } from './statement-plans.js'
import type { Facts, PlanShape } from './plan-types.js'

export interface Reason {
  what:
    | 'index-gone'
    | 'index-invalid'
    | 'generic'
    | 'cast'
    | 'growth'
    | 'statistics'
    | 'stale'
    | 'values'
    | 'settings'
    | 'partitions'
  sentence: string
}

const GROWN = 1.1
const STALE = 0.2

/** Why the planner may have changed its mind, the surest first. `before`: when the earlier plan was last in use. */
export function findReasons(
  {
    after: { shape, isInferred },
    before: earlier,
    regression,
    isSameValues,
  }: Pick<Flip, 'after' | 'before' | 'regression' | 'isSameValues'>,
  before: Facts | undefined,
  now: Facts | undefined,
): Reason[] {
  return [
    ...findIndexes(earlier.shape, now),
    ...(isInferred && !earlier.isInferred ? [generic] : []),
    ...findCasts(shape, now),
    ...findSettings(earlier.shape, shape),
    ...(before && now ? findGrowth(before, now) : []),
    ...(now ? findStale(now) : []),
    ...(regression.partitionRatio >= 4 ? [partitions(regression.partitionRatio)] : []),
    ...(isSameValues ? findValues(earlier.shape, shape) : []),
  ]
}

const generic: Reason = {
  what: 'generic',
  sentence: 'its session has gone over to a generic plan, made for any values',
}

const partitions = (ratio: number): Reason => ({
  what: 'partitions',
  sentence: `it reads ${Math.round(ratio)} times as many partitions`,
})

function findIndexes({ accesses }: PlanShape, now: Facts | undefined): Reason[] {
  return accesses.flatMap(({ relation, indexes }) => {
    const there = now?.[relation]?.indexes
    if (there === undefined) return []
    return indexes.flatMap((index): Reason[] => {
      const found = there[index]
      if (found === undefined) return [{ what: 'index-gone', sentence: `index ${index} of ${relation} is gone` }]
      return found.isValid ? [] : [{ what: 'index-invalid', sentence: `index ${index} of ${relation} is invalid` }]
    })
  })
}

/** A varchar is text to an index; any other type that is cast is not. */
function findCasts({ casts }: PlanShape, now: Facts | undefined): Reason[] {
  return casts.flatMap((cast) => {
    const [, relation = '', column = '', type = ''] = /^(.*)\.([^.]+)::(.*)$/.exec(cast) ?? []
    const own = now?.[relation]?.types[column.replaceAll('"', '')]
    if (own === undefined || own === type || (type === 'text' && own.startsWith('character'))) return []
    return [{ what: 'cast', sentence: `${relation}.${column} is ${own} and is cast to ${type} for each row` }]
  })
}

function findSettings(before: PlanShape, after: PlanShape): Reason[] {
  const names = Object.keys({ ...before.settings, ...after.settings })
  const changed = names.filter((name) => before.settings[name] !== after.settings[name])
  return changed.map((name) => ({ what: 'settings', sentence: `the setting ${name} of its session is another` }))
}

function findGrowth(before: Facts, now: Facts): Reason[] {
  return Object.entries(now).flatMap(([relation, facts]): Reason[] => {
    const earlier = before[relation]
    if (earlier === undefined) return []
    const ratio = facts.bytes / Math.max(8_192, earlier.bytes)
    const grown = `${relation} grew from ${formatBytes(earlier.bytes)} to ${formatBytes(facts.bytes)}`
    const growth: Reason[] = ratio >= GROWN ? [{ what: 'growth', sentence: grown }] : []
    const isAnalyzed = facts.analyzedAt !== null && facts.analyzedAt !== earlier.analyzedAt
    const analyzed = `${relation} has new statistics`
    return isAnalyzed ? [...growth, { what: 'statistics', sentence: analyzed }] : growth
  })
}

function findStale(now: Facts): Reason[] {
  return Object.entries(now).flatMap(([relation, { rows, changed, analyzedAt }]): Reason[] => {
    if (changed < 1_000 || changed < rows * STALE) return []
    const since = analyzedAt === null ? 'and it has never been analyzed' : 'since it was analyzed'
    return [{ what: 'stale', sentence: `${Math.round(changed)} rows of ${relation} were written ${since}` }]
  })
}

/** For the same values the planner expects another amount of rows. */
function findValues(before: PlanShape, after: PlanShape): Reason[] {
  return after.accesses.flatMap(({ relation, rows }): Reason[] => {
    const earlier = before.accesses.find((access) => access.relation === relation)
    if (earlier === undefined || rows < earlier.rows * 2) return []
    const sentence = `the planner expects ${Math.round(rows)} rows of ${relation}, it was ${Math.round(earlier.rows)}`
    return [{ what: 'values', sentence }]
  })
}

export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}
