import type { Candidate, CandidateKey, CatalogIndex, IndexKey } from './types.js'

/** Two candidates with the same one are the same index. */
export function signatureOf({ table, method, keys, include, where }: Candidate): string {
  return JSON.stringify([table.oid, method, keys, include, where])
}

/** An existing index does all that the candidate would. */
export function isServed(candidate: Candidate, index: CatalogIndex): boolean {
  if (index.method !== candidate.method || index.keys.length < candidate.keys.length) return false
  if (index.where !== null && !isSameText(index.where, candidate.where ?? '')) return false
  // A part of the table is less to read than the whole.
  if (index.where === null && candidate.where !== null) return false
  const held = new Set([...index.include, ...index.keys.map(({ text }) => text)])
  if (!candidate.include.every((name) => held.has(name))) return false
  const first = index.keys.slice(0, candidate.equals)
  const isFirst = candidate.keys.slice(0, candidate.equals).every((key) => first.some((each) => isSameKey(key, each)))
  return isFirst && isSameOrder(candidate.keys.slice(candidate.equals), index.keys.slice(candidate.equals))
}

/** The candidate does all that the existing index does, which nothing else needs. */
export function makesRedundant(candidate: Candidate, index: CatalogIndex): boolean {
  if (index.isUnique || index.isConstraint || !index.isValid || index.method !== candidate.method) return false
  if (index.keys.length > candidate.keys.length || !isSameText(index.where ?? '', candidate.where ?? '')) return false
  const held = new Set([...candidate.include, ...candidate.keys.map(({ text }) => text)])
  return (
    index.include.every((name) => held.has(name)) && isSameOrder(candidate.keys.slice(0, index.keys.length), index.keys)
  )
}

/** An index is read from either end. */
function isSameOrder(keys: readonly CandidateKey[], existing: readonly IndexKey[]): boolean {
  const same = keys.map((key, place) => {
    const other = existing[place]
    if (!other || !isSameKey(key, other)) return 'none'
    const isDescending = key.isDescending === true
    const isNullsFirst = key.nulls === undefined ? isDescending : key.nulls === 'first'
    if (isDescending === other.isDescending && isNullsFirst === other.isNullsFirst) return 'forward'
    return isDescending !== other.isDescending && isNullsFirst !== other.isNullsFirst ? 'backward' : 'none'
  })
  return same.every((each) => each === 'forward') || same.every((each) => each === 'backward')
}

function isSameKey(key: CandidateKey, index: IndexKey): boolean {
  return isSameText(key.text, index.text) && key.opclass === index.opclass
}

/** The server writes parentheses and casts of its own. */
export function isSameText(a: string, b: string): boolean {
  return simplify(a) === simplify(b)
}

const simplify = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/::(character varying|double precision|timestamp with(out)? time zone|\w+)(\(\d+\))?(\[\])?/g, '')
    .replaceAll('pg_catalog.', '')
    .replaceAll(/[()\s]/g, '')
