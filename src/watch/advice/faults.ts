import { explainFailure } from './failures.js'
import { describeIndex } from './catalog.js'
import { isSameText } from './compare-indexes.js'
import { OutOfTime, STATEMENT_MS, withSession } from './session.js'
import { beginQuietly, readAllIndexes, readSituation, type IndexRow, type SituationRow } from './store.js'
import type { AdviceAsk, AdvicePool, CatalogIndex, IndexFault } from './types.js'
import { describeTime } from './write-advice.js'

export interface IndexFaults {
  faults: IndexFault[]
  refused: { why: string }[]
}

/**
 * Indexes that cost and give nothing: never used, held twice, or left behind by a build that failed. Only what this server
 * has counted is known; a replica counts by itself.
 * @throws the reason of `signal`
 */
export async function listIndexFaults(
  pool: AdvicePool,
  limits: Pick<AdviceAsk, 'signal' | 'deadlineMs'> = {},
): Promise<IndexFaults> {
  try {
    return await withSession(pool, limits, async (ask) => {
      await beginQuietly(ask, undefined, STATEMENT_MS)
      const situation = await readSituation(ask)
      const rows = await readAllIndexes(ask)
      await ask('/* holdfast:watch.rollback */ rollback', [])
      return { faults: judgeIndexes(rows, situation), refused: [] }
    })
  } catch (error) {
    limits.signal?.throwIfAborted()
    const why =
      error instanceof OutOfTime ? 'its time was over' : (explainFailure(error) ?? 'the database could not be asked')
    return { faults: [], refused: [{ why: `Indexes could not be read: ${why}.` }] }
  }
}

/** An index is one thing at most: what is invalid is not also unused. */
export function judgeIndexes(
  rows: readonly IndexRow[],
  situation: Pick<SituationRow, 'stats_seconds' | 'standbys' | 'is_standby'>,
): IndexFault[] {
  const faults: IndexFault[] = []
  for (const row of rows) {
    if (!row.is_valid) faults.push(describeInvalid(row))
    else if (!row.is_unique && !row.is_constraint) {
      const twin = rows.find((other) => covers(other, row))
      if (twin) faults.push(describeDuplicate(row, twin))
      else if (row.scans === 0) faults.push(describeUnused(row, situation))
    }
  }
  return faults
}

/** All that `row` does, `other` does. Of two that are the same, the first by name stays. */
function covers(other: IndexRow, row: IndexRow): boolean {
  if (other === row || other.oid !== row.oid || !other.is_valid || other.method !== row.method) return false
  const [whole, part] = [describeIndex(other), describeIndex(row)]
  if (!isSameText(whole.where ?? '', part.where ?? '') || !beginsWith(whole, part)) return false
  // Of other methods than B-trees no prefix serves alone.
  const isSame = whole.keys.length === part.keys.length && whole.include.length === part.include.length
  if (!isSame) return row.method === 'btree'
  return other.is_unique || other.is_constraint || other.name < row.name
}

function beginsWith(whole: CatalogIndex, part: CatalogIndex): boolean {
  const held = new Set([...whole.include, ...whole.keys.map(({ text }) => text)])
  return (
    part.include.every((name) => held.has(name)) &&
    part.keys.every((key, place) => {
      const other = whole.keys[place]
      return (
        other !== undefined &&
        isSameText(key.text, other.text) &&
        key.opclass === other.opclass &&
        key.isDescending === other.isDescending &&
        key.isNullsFirst === other.isNullsFirst
      )
    })
  )
}

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`

function describe(kind: IndexFault['kind'], row: IndexRow, sentence: string, fix: string): IndexFault {
  return { kind, table: row.table, index: row.name, sentence, sizeBytes: row.size, fix }
}

function describeInvalid(row: IndexRow): IndexFault {
  const sentence = `${row.name} on ${row.table} is invalid: its build failed, or still runs. It serves nothing, and every write still keeps it (${megabytes(row.size)}).`
  const rebuild =
    row.definition === null ? '' : ` Then build it again: create index concurrently on ${row.table} ${row.definition}`
  return describe('invalid-index', row, sentence, `drop index concurrently ${row.name};${rebuild}`)
}

function describeDuplicate(row: IndexRow, twin: IndexRow): IndexFault {
  const sentence = `${row.name} on ${row.table} (${megabytes(row.size)}) does nothing that ${twin.name} does not do.`
  return describe('duplicate-index', row, sentence, `drop index concurrently ${row.name}`)
}

function describeUnused(
  row: IndexRow,
  {
    stats_seconds: seconds,
    standbys,
    is_standby: isStandby,
  }: Pick<SituationRow, 'stats_seconds' | 'standbys' | 'is_standby'>,
): IndexFault {
  const since =
    seconds === null
      ? 'since statistics were begun (when is not known)'
      : `in the ${describeTime(seconds)} that statistics reach back`
  const others = isStandby
    ? ' Only this standby’s own reads are counted; the primary counts its own.'
    : standbys > 0
      ? ` ${standbys} replicas read from this server, and their uses are not counted here.`
      : ' A replica’s uses would not be counted here.'
  const sentence = `${row.name} on ${row.table} (${megabytes(row.size)}) was not used ${since}.${others}`
  return describe('unused-index', row, sentence, `drop index concurrently ${row.name}`)
}
