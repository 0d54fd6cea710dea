/** What a worker of the locks' chaos is started with. */
export interface WorkerOptions {
  url: string
  seed: number
  ttlMs: number
  waitMs: number
  /** Where the queues are in a Redis. */
  redisPort?: number
}

export const HOT_KEYS = 8
export const COLD_KEYS = 300
export const SHORT_KEYS = 6

export const nameHot = (n: number) => `hot:${n}`
export const nameCold = (n: number) => `cold:${n}`
export const nameShort = (n: number) => `short:${n}`

function list(count: number, name: (n: number) => string): string[] {
  return Array.from({ length: count }, (_, n) => name(n))
}

export const leaseKeys = [...list(HOT_KEYS, nameHot), ...list(COLD_KEYS, nameCold)]
export const shortKeys = list(SHORT_KEYS, nameShort)
