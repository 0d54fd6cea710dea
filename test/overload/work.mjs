import { move } from 'piscina'

/** @param {number} size */
export function fill(size) {
  const bytes = new Uint8Array(size).fill(7)
  return move(bytes)
}

/** @param {number} n @returns {Promise<number>} */
export async function double(n) {
  await Promise.resolve()
  return n * 2
}

/** @type {Uint8Array | undefined} */
let kept

/** What a module keeps must not be taken from it. */
export function cached() {
  kept ??= new Uint8Array(8).fill(1)
  return kept
}

export const notAFunction = 1
