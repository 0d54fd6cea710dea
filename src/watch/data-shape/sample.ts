import type { Ids } from './identities.js'

/** Places of a result in runs that lie next to each other, because rows of one parent mostly do. */
export interface Sample {
  places: Uint32Array
  /** Where each run begins in `places`. */
  starts: readonly number[]
  /** Rows of the result. */
  total: number
  isWhole: boolean
}

/** At most `most` rows, in `runs` runs spread over the result. */
export function chooseRows(total: number, most: number, runs: number): Sample {
  if (total <= most)
    return { places: Uint32Array.from({ length: total }, (_, n) => n), starts: [0], total, isWhole: true }
  const length = Math.floor(most / runs)
  const places = new Uint32Array(length * runs)
  const starts: number[] = []
  for (let run = 0; run < runs; run++) {
    const from = runs === 1 ? 0 : Math.round(((total - length) * run) / (runs - 1))
    starts.push(run * length)
    for (let n = 0; n < length; n++) places[run * length + n] = from + n
  }
  return { places, starts, total, isWhole: false }
}

/** Indexes of rows whose group is whole in the sample: those of a group that a run's edge may have cut are left out. */
export function keepWhole({ places, starts, total, isWhole }: Sample, groups: Ids): Uint32Array {
  if (isWhole) return Uint32Array.from({ length: places.length }, (_, k) => k)
  const kept: number[] = []
  for (const [run, start] of starts.entries()) {
    const end = starts[run + 1] ?? places.length
    const first = places[start] === 0 ? undefined : groups[start]
    const last = places[end - 1] === total - 1 ? undefined : groups[end - 1]
    for (let k = start; k < end; k++) if (groups[k] !== first && groups[k] !== last) kept.push(k)
  }
  return Uint32Array.from(kept)
}

export function pick(ids: Ids, kept: Uint32Array): Ids {
  const picked = new Uint32Array(kept.length)
  for (let k = 0; k < kept.length; k++) picked[k] = ids[kept[k] as number] as number
  return picked
}

/** Numbers anew from 1, in the order of their first appearance; 0 stays. */
export function renumber(ids: Ids): { ids: Ids; distinct: number } {
  const anew = new Uint32Array(ids.length)
  const known = new Map<number, number>()
  for (let k = 0; k < ids.length; k++) {
    const id = ids[k] as number
    if (id === 0) continue
    let own = known.get(id)
    if (own === undefined) known.set(id, (own = known.size + 1))
    anew[k] = own
  }
  return { ids: anew, distinct: known.size }
}
