import type { Statement } from '../parser.js'

/** What a statement that is repeated looks up, as far as its text tells. */
export interface Lookup {
  table: string | undefined
  /** The column of `= $1`: its values could be given as an array. */
  key: string | undefined
  /** So many for each key: an array alone does not do it. */
  hasLimit: boolean
  isWriting: boolean
  orm: 'TypeORM' | 'Drizzle' | 'Prisma' | 'Kysely' | undefined
  /** `Order.items`, where an ORM's alias tells. */
  relation: string | undefined
}

const name = String.raw`(?:"(?:[^"]|"")+"|[a-z_][\w$]*)`
const path = String.raw`${name}(?:\.${name})*`
const fromTable = new RegExp(
  String.raw`\b(?:from|join|update|into)\s+(?:only\s+)?(${path})(?:\s+(?:as\s+)?(${name}))?`,
  'i',
)
const equalsParameter = new RegExp(
  String.raw`\b(?:where|and|on)\s+\(*\s*(${path})\s*(?:=\s*\$\d+|in\s*\(\s*\$\d+\s*\))`,
  'i',
)
const afterWhere = new Set([
  'where',
  'inner',
  'left',
  'right',
  'full',
  'join',
  'cross',
  'on',
  'order',
  'group',
  'limit',
  'set',
  'values',
  'select',
  'using',
  'for',
  'natural',
])

const known = new WeakMap<Statement, Lookup>()

/** Parsed once for each statement. */
export function readLookup(statement: Statement): Lookup {
  let lookup = known.get(statement)
  if (lookup === undefined) known.set(statement, (lookup = parseLookup(statement.text)))
  return lookup
}

export function parseLookup(text: string): Lookup {
  const [, table, alias] = fromTable.exec(text) ?? []
  const key = equalsParameter.exec(text)?.[1]
  const isWriting = /^(with\b.*?\)\s*)?(insert|update|delete|merge)\b/i.test(text)
  const usedAlias = alias === undefined || afterWhere.has(alias.toLowerCase()) ? undefined : lastName(alias)
  return {
    table: table === undefined ? undefined : lastName(table),
    key: key === undefined || isWriting ? undefined : lastName(key),
    hasLimit: /\blimit\s+(\$\d+|\d+)/i.test(text),
    isWriting,
    ...readOrm(text, usedAlias),
  }
}

/** By the aliases that they make, which nobody writes by hand. */
function readOrm(text: string, alias: string | undefined): Pick<Lookup, 'orm' | 'relation'> {
  const typeorm = /"([A-Za-z]\w*?)__\1_(\w+?)"/.exec(text)
  if (typeorm) return { orm: 'TypeORM', relation: `${typeorm[1]}.${typeorm[2]}` }
  // "Order"."id" AS "Order_id"
  if (alias !== undefined && /"(\w+)"\."(\w+)" AS "\1_\2"/.exec(text)?.[1] === alias)
    return { orm: 'TypeORM', relation: undefined }
  const drizzle = /lateral \(.*?\) "(\w+?)_(\w+)" on (?:true|\$\d+)/is.exec(text)
  if (drizzle && text.includes('json_build_array')) return { orm: 'Drizzle', relation: `${drizzle[1]}.${drizzle[2]}` }
  if (/\b(?:as\s+)?"t\d+"/i.test(text) && /"__prisma_data__"|"t\d+"\."/i.test(text))
    return { orm: 'Prisma', relation: undefined }
  if (/"public"\."(\w+)"\."\w+"/.test(text) && /\boffset \$\d+$/i.test(text))
    return { orm: 'Prisma', relation: undefined }
  if (/\bas "agg"|\bas "obj"/.test(text)) return { orm: 'Kysely', relation: undefined }
  return { orm: undefined, relation: undefined }
}

function lastName(path: string): string {
  const parts = path.match(new RegExp(name, 'gi')) ?? []
  const last = parts.at(-1) ?? path
  return last.startsWith('"') ? last.slice(1, -1).replaceAll('""', '"') : last
}
