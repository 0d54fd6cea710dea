import { getRandomValues } from 'node:crypto'

const BYTES = 16
const pool = Buffer.alloc(256 * BYTES)
let at = pool.length

/** 128 random bits in hexadecimal, as a W3C trace id: a third of the cost of `randomUUID`, which joins 20 texts. */
export function makeRequestId(): string {
  if (at === pool.length) {
    getRandomValues(pool)
    at = 0
  }
  return pool.toString('hex', at, (at += BYTES))
}
