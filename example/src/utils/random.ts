/** A seeded source of numbers: the same seed gives the same sequence on every machine. Not for secrets. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number
  /** One entry of a list. @throws RangeError when the list is empty. */
  pick<Item>(items: readonly Item[]): Item
}

/** mulberry32: 32 bits of state, passes gjrand's small tests, and is five lines. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  function integer(from: number, to: number): number {
    return from + Math.floor(next() * (to - from + 1))
  }

  function pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError('Cannot pick from an empty list.')
    return items[integer(0, items.length - 1)] as Item
  }

  return { next, integer, pick }
}

/** A seed of its own for each part of the work (FNV-1a), so that parts can be made in any order, and made again. */
export function deriveSeed(seed: number, ...path: readonly (string | number)[]): number {
  let hash = 0x811c9dc5 ^ seed
  for (const character of path.join('/')) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return hash >>> 0
}
