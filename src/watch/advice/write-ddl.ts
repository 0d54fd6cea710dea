import { quoteName } from './ast.js'
import { showKeys } from './candidates.js'
import type { Candidate } from './types.js'

/** Of an index, after the table's name. */
export function writeDefinition({ method, keys, include, where }: Candidate): string {
  const included = include.length === 0 ? '' : ` include (${include.map(quoteName).join(', ')})`
  const using = method === 'btree' ? '' : `using ${method} `
  return `${using}(${showKeys({ keys })})${included}${where === null ? '' : ` where ${where}`}`
}

/** CONCURRENTLY, so that nobody who writes waits for it. */
export function writeDdl(candidate: Candidate): string {
  const { table } = candidate
  const name = `${quoteName(table.schema)}.${quoteName(table.name)}`
  const definition = writeDefinition(candidate)
  if (table.kind !== 'partitioned') return `create index concurrently on ${name} ${definition}`
  // On a partitioned table CONCURRENTLY is not to be had: each partition has its own, and the whole is put together.
  const parent = nameIndex(candidate, '')
  const parts = table.partitions.flatMap((partition, place) => {
    const own = nameIndex(candidate, `_p${place + 1}`)
    return [
      `create index concurrently ${own} on ${partition} ${definition}`,
      `alter index ${quoteName(table.schema)}.${parent} attach partition ${partition.slice(0, schemaEnd(partition))}${own}`,
    ]
  })
  return [`create index ${parent} on only ${name} ${definition}`, ...parts].join(';\n')
}

/** Where a name's schema ends, with its point. */
function schemaEnd(name: string): number {
  const quoted = /^"(?:[^"]|"")*"\./.exec(name)
  return quoted ? quoted[0].length : name.indexOf('.') + 1
}

const MOST_NAME = 63

function nameIndex({ table, keys }: Candidate, end: string): string {
  const words = keys.map(({ text }) => text.replaceAll(/\W+/g, '_').replaceAll(/^_|_$/g, ''))
  const body = [table.name, ...words].join('_').slice(0, MOST_NAME - 4 - end.length - 2)
  return quoteName(`${body}_idx${end}`)
}
