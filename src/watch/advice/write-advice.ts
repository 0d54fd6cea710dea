import { quoteName } from './ast.js'
import { showKey } from './candidates.js'
import type { Chosen } from './choose.js'
import { makesRedundant } from './compare-indexes.js'
import type { Prover } from './prover.js'
import type { Candidate, CatalogTable, IndexAdvice, IndexKind } from './types.js'
import { writeDdl } from './write-ddl.js'

export async function writeAdvice({ candidate, before, after }: Chosen, prover: Prover): Promise<IndexAdvice> {
  const { table } = candidate
  const share = prover.sampledShareOf(candidate)
  return {
    ddl: writeDdl(candidate),
    table: table.schema === 'public' ? quoteName(table.name) : `${quoteName(table.schema)}.${quoteName(table.name)}`,
    columns: candidate.keys.map(showKey),
    kind: kindOf(candidate),
    proof: {
      by: prover.by,
      costBefore: before.cost,
      costAfter: after.cost,
      ...(before.ms !== undefined && after.ms !== undefined && { msBefore: before.ms, msAfter: after.ms }),
      ...(share !== undefined && { sampledShare: share }),
      usesIndex: true,
    },
    sizeBytes: Math.round(await prover.sizeOf(candidate)),
    writeCost: describeWrites(table),
    makesRedundant: table.indexes.filter((index) => makesRedundant(candidate, index)).map(({ name }) => name),
  }
}

function kindOf({ where, include, keys }: Candidate): IndexKind {
  if (where !== null) return 'partial'
  if (include.length > 0) return 'covering'
  return keys.some(({ isExpression }) => isExpression === true) ? 'expression' : 'plain'
}

function describeWrites({ name, indexes, writes }: CatalogTable): string {
  const { inserts, updates, deletes, seconds } = writes
  const has = `${name} has ${indexes.length} ${indexes.length === 1 ? 'index' : 'indexes'}; each of its inserts, and updates of an indexed column, then keeps one more.`
  if (inserts + updates + deletes === 0) return `${has} No writes to it have been counted.`
  const counted = `${inserts} inserts, ${updates} updates and ${deletes} deletes`
  if (seconds === null || seconds < 1) return `${has} Counted so far: ${counted}.`
  const rate = (inserts + updates + deletes) / seconds
  return `${has} It sees ${rate < 10 ? rate.toFixed(2) : Math.round(rate)} writes a second (${counted} in ${describeTime(seconds)}).`
}

export function describeTime(seconds: number): string {
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} hours` : `${Math.round(seconds / 86_400)} days`
}
