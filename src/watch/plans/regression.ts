import type { Access, PlanShape } from './plan-types.js'

/** What is worse about how one plan gets at its rows than how another did. */
export interface Regression {
  /** Tables that were found by an index, and are read whole now, or along an index from its beginning. */
  lost: { relation: string; index: string; now: Access['access'] }[]
  /** The planner's own measure: how much more it expects to do. */
  costRatio: number
  /** Tables that the plan reads, against those that the other read: partitions that are no longer left out. */
  partitionRatio: number
}

export function compare(before: PlanShape, after: PlanShape): Regression {
  return {
    lost: after.accesses.flatMap((access) => findLost(before, access)),
    costRatio: before.cost > 0 ? after.cost / before.cost : 1,
    partitionRatio: countTables(after) / Math.max(1, countTables(before)),
  }
}

function findLost(before: PlanShape, { relation, access }: Access): Regression['lost'] {
  if (access !== 'seq' && access !== 'walk') return []
  const earlier = before.accesses.filter((each) => each.relation === relation)
  // Read whole before as well, in another place of the plan.
  if (earlier.some((each) => each.access === access)) return []
  const index = earlier.find((each) => each.access === 'index' || each.access === 'walk')
  return index === undefined || (index.access === 'walk' && access === 'walk')
    ? []
    : [{ relation, index: index.indexes[0] ?? '', now: access }]
}

const countTables = ({ accesses }: PlanShape): number => accesses.reduce((sum, { partitions }) => sum + partitions, 0)

const LARGER = 4

/** An index is lost, or far more is read. */
export function isClear({ lost, costRatio, partitionRatio }: Regression): boolean {
  return lost.length > 0 || costRatio >= LARGER || partitionRatio >= LARGER
}
