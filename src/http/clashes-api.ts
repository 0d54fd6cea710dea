import type { ClashFilter, FoundClash } from '../watch/index.js'
import type { ClashDetails, ClashDocument, ClashesDocument, ClashRow, Verdict } from './contract.js'
import { httpError } from './errors.js'
import type { ObservedDb } from './types.js'
import { readWatched } from './watch-api.js'

const mostClashes = 200

const kinds: readonly NonNullable<ClashFilter['kind']>[] = [
  'lost update',
  'check then update',
  'check then insert',
  'get or create',
  'write skew',
  'queue',
  'replaced set',
  'number drawn by reading',
]

type Judged = 'isConnected' | 'verdict'

export async function readClashes(db: ObservedDb, query: URLSearchParams): Promise<ClashesDocument> {
  const [kind, protectedToo] = [readKind(query), query.get('protected') === '1']
  const filter = { limit: mostClashes, protectedToo, ...(kind !== undefined && { kind }) }
  return await readWatched<Omit<ClashesDocument, Judged>>(db, { clashes: [], isMore: false }, async (inspector) => {
    const { verdict, clashes, isMore } = await inspector.clashes(filter)
    return { verdict, clashes: clashes.map(toRow), isMore }
  })
}

/** @throws HF_HTTP_PARAMETER, HF_HTTP_CLASH_UNKNOWN */
export async function findClash(db: ObservedDb, id: string): Promise<ClashDocument> {
  if (!/^[0-9a-f]{8}$/.test(id)) throw httpError('HF_HTTP_PARAMETER', 'The id of a clash is 8 hexadecimal digits.')
  return await readWatched<Omit<ClashDocument, Judged>>(db, { clash: null }, async (inspector) => {
    const found = await inspector.clash(id)
    if (found === undefined) throw httpError('HF_HTTP_CLASH_UNKNOWN', `Nobody has seen a clash ${id}.`)
    return { verdict: judge(found), clash: toDetails(found) }
  })
}

function judge({ severity, protectedBy, kind, read, meaning, fix }: FoundClash): Verdict {
  if (protectedBy !== null) return { severity, sentence: `They are kept apart: ${protectedBy}.`, also: [] }
  return { severity, sentence: `${kind}: ${read.route} ${meaning}.`, fix, also: [] }
}

/** @throws HF_HTTP_PARAMETER */
function readKind(query: URLSearchParams): ClashFilter['kind'] {
  const given = query.get('kind') ?? ''
  if (given === '') return undefined
  const kind = kinds.find((each) => each === given)
  if (kind === undefined) throw httpError('HF_HTTP_PARAMETER', `\`kind\` is one of ${kinds.join(', ')}.`)
  return kind
}

const toRow = (clash: FoundClash): ClashRow => ({
  id: clash.id,
  severity: clash.severity,
  kind: clash.kind,
  table: clash.table,
  columns: clash.columns,
  first: clash.read.route,
  second: clash.other.route,
  overlaps: clash.overlaps,
  windowMs: clash.windowMs,
  protectedBy: clash.protectedBy,
  replay: clash.replay?.verdict ?? null,
  lastSeenAt: clash.lastSeenAt.getTime(),
})

function toDetails(clash: FoundClash): ClashDetails {
  const { meaning, fix, read, write, other, isolation, inVain, requests, realOverlap, replay } = clash
  const shown = { meaning, fix, read, write, other, isolation, inVain, requests, realOverlap }
  return {
    ...toRow(clash),
    ...shown,
    replayed: replay && toReplayed(replay, clash.replayedAt),
    firstSeenAt: clash.firstSeenAt.getTime(),
  }
}

function toReplayed(replay: NonNullable<FoundClash['replay']>, at: Date | null): ClashDetails['replayed'] {
  const { reason, diagram, schedules, ms, fix } = replay
  return { reason, diagram, schedules, ms, fix, at: at?.getTime() ?? null }
}
