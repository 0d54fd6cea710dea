import { createHash } from 'node:crypto'
import { idempotencyError } from './errors.js'
import type { KeyOf } from './store.js'

const PRINTABLE = /^[\x20-\x7e]{1,255}$/
/** A string of RFC 8941, as the draft wants it; many clients send the bare value. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/** @throws HF_IDEMPOTENCY_KEY_INVALID, never with the key in it: it may be a secret of the caller */
export function checkKey({ scope, principal, key }: KeyOf): void {
  if (!PRINTABLE.test(key)) throw invalid('a key', '1 to 255 printable ASCII characters', key)
  if (scope.length === 0 || scope.length > 200 || hasControl(scope))
    throw invalid('a scope', '1 to 200 characters', scope)
  if (principal.length > 200 || hasControl(principal)) throw invalid('a principal', 'at most 200 characters', principal)
}

/** The value of the header; undefined: there is none. @throws HF_IDEMPOTENCY_KEY_INVALID */
export function findIdempotencyKey(headers: Headers): string | undefined {
  const value = headers.get('idempotency-key')?.trim()
  if (value === undefined || value === '') return undefined
  if (!value.startsWith('"')) return value
  const quoted = QUOTED.exec(value)?.[1]
  if (quoted === undefined) throw invalid('a quoted key', 'a string of RFC 8941', value)
  return quoted.replaceAll(/\\(["\\])/g, '$1')
}

/**
 * The key of a request, for a route that hands it on to `run` in a service; quoted or bare.
 *
 * @param of what is asked for, as the message names it
 * @throws HF_IDEMPOTENCY_KEY_MISSING, HF_IDEMPOTENCY_KEY_INVALID
 */
export function readIdempotencyKey(headers: Headers, of = 'this route'): string {
  const key = findIdempotencyKey(headers)
  if (key !== undefined) return key
  throw idempotencyError('HF_IDEMPOTENCY_KEY_MISSING', `A request to ${of} has no header Idempotency-Key.`)
}

/** Of what was asked for. */
export function hash(...parts: (string | Uint8Array)[]): Buffer {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part)
  return digest.digest()
}

/** JSON with members in order: two callers that mean the same give the same. @throws HF_IDEMPOTENCY_KEY_INVALID */
export function canonicalize(value: unknown): string {
  try {
    return JSON.stringify(value, (_, member: unknown) => (isRecord(member) ? sortMembers(member) : member)) ?? ''
  } catch (cause) {
    const message = 'What is asked for (`input`) cannot be written as JSON, so it cannot be compared.'
    throw idempotencyError('HF_IDEMPOTENCY_KEY_INVALID', message, { cause, fix: 'Give plain data as `input`.' })
  }
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const sortMembers = (value: object): object =>
  Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))

const hasControl = (text: string): boolean => /\p{Cc}/u.test(text)

function invalid(what: string, rule: string, given: string) {
  return idempotencyError('HF_IDEMPOTENCY_KEY_INVALID', `${what} must be ${rule}; it has ${given.length} characters.`)
}
