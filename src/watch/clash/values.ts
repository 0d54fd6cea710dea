import { createHmac, randomBytes } from 'node:crypto'

/** Of this process, and gone with it: what is kept of values can be compared and not read. */
const key = randomBytes(32)

export const hashValue = (text: string): string =>
  createHmac('sha256', key).update(text).digest('base64url').slice(0, 12)

const plainNumber = /^-?\d+(\.\d+)?$/

/**
 * A value as text, the same however a driver or an ORM writes it: int8 and numeric come as text, TypeORM sends 1 for true,
 * a Date meets its ISO text. Null for SQL's null; undefined for what cannot be compared.
 */
export function toText(value: unknown): string | null | undefined {
  switch (typeof value) {
    case 'string':
      return ofString(value)
    case 'number':
      return String(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      return value === null ? null : ofObject(value)
    default:
      return value === undefined ? null : undefined
  }
}

function ofString(value: string): string {
  if (value.length > 4_000) return hashValue(value)
  if (plainNumber.test(value) && value.length < 16) return String(Number(value))
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value)) {
    const ms = Date.parse(value)
    if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  }
  return value
}

function ofObject(value: object): string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  try {
    return sortedJson(value)
  } catch {
    return undefined
  }
}

function sortedJson(value: object): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

export const toNumber = (text: string | null | undefined): number | undefined =>
  text !== null && text !== undefined && plainNumber.test(text) ? Number(text) : undefined

export const toTime = (text: string | null | undefined): number | undefined =>
  text !== null && text !== undefined && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? Date.parse(text) : undefined

/** Nobody chose it: an identifier, a token, a digest. */
export function isRandomLike(text: string): boolean {
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)) return true
  return text.length >= 20 && /^[\w+/=$.-]+$/.test(text) && /\d/.test(text) && /[a-zA-Z]/.test(text)
}

const MOST_SCALARS = 200

/** The scalars of what a request brought, by where they stood: `{ n: 1, tags: ['a'] }` has `n` and `tags.0`. */
export class Inputs {
  readonly #byPath = new Map<string, string>()
  readonly #texts = new Set<string>()

  /** Containers count as well: a document that is stored as it came is nobody's computation. */
  add(value: unknown, path = ''): void {
    if (this.#byPath.size >= MOST_SCALARS) return
    const text = toText(value)
    if (text !== null && text !== undefined) {
      this.#texts.add(text)
      this.#byPath.set(path, text)
    }
    if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return
    for (const [name, each] of Object.entries(value)) this.add(each, path === '' ? name : `${path}.${name}`)
  }

  has(text: string): boolean {
    return this.#texts.has(text)
  }

  get texts(): Iterable<string> {
    return this.#texts
  }

  get entries(): Iterable<[path: string, text: string]> {
    return this.#byPath
  }
}
