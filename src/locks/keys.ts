import { locksError } from './errors.js'

const MOST_KEYS = 50
const MOST_CHARS = 500

/** Sorted, so that everybody has one order. @throws HF_LOCKS_KEY */
export function readKeys(given: string | readonly string[]): readonly string[] {
  if (typeof given === 'string') {
    checkKey(given)
    return [given]
  }
  const keys = given
  if (!Array.isArray(keys)) throw locksError('HF_LOCKS_KEY', `A key is a text, not a ${typeof given}.`)
  if (keys.length === 0 || keys.length > MOST_KEYS)
    throw locksError('HF_LOCKS_KEY', `1 to ${MOST_KEYS} keys are locked together, not ${keys.length}.`)
  for (const key of keys) checkKey(key)
  if (new Set(keys).size !== keys.length) throw locksError('HF_LOCKS_KEY', 'A key is named twice in one call.')
  return keys.toSorted()
}

/** @throws HF_LOCKS_KEY, without the key in it */
export function checkKey(key: string): void {
  if (typeof key !== 'string') throw locksError('HF_LOCKS_KEY', `A key is a text, not a ${typeof key}.`)
  if (key.length === 0 || key.length > MOST_CHARS)
    throw locksError('HF_LOCKS_KEY', `A key has 1 to ${MOST_CHARS} characters; this one has ${key.length}.`)
  if (key.includes('\0') || /\p{Surrogate}/u.test(key))
    throw locksError('HF_LOCKS_KEY', 'A key holds a character that no text in the database can.')
}
