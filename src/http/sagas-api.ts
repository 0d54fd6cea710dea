import { readSqlstate, type Db } from '../core/index.js'
import {
  describeMissing,
  inspectSagas,
  operateSagas,
  type SagaDetails,
  type SagaListing,
  type SagaRow as FoundSaga,
  type SagasOperator,
} from '../sagas/index.js'
import type { SagaActionDocument, SagaDocument, SagaRow, SagasDocument } from './contract.js'
import { httpError } from './errors.js'
import type { ObservedDb } from './types.js'

const mostListed = 50
const mostNameChars = 80
const mostReasonChars = 500
/** The dashboard knows a token and no people: whoever has it is this one. */
const actor = 'dashboard'
const listings: readonly SagaListing[] = [
  'failing',
  'stuck',
  'compensating',
  'overdue',
  'running',
  'waiting',
  'done',
  'compensated',
]
/** No such table, schema, function or column. */
const notThere = new Set(['42P01', '3F000', '42883', '42703'])

/** What the page Sagas shows when createHttp was given something that only counts. */
const notConnected: SagasDocument = {
  isConnected: false,
  verdict: {
    severity: 'watch',
    sentence: 'createHttp was given a database that it cannot ask, so there is nothing to show here.',
    fix: 'Pass what connect() gave you: `createHttp(db)`.',
    also: [],
  },
  kinds: [],
  workers: [],
  sagas: [],
  isMore: false,
}

export async function readSagas(db: ObservedDb, query: URLSearchParams): Promise<SagasDocument> {
  const [state, name] = [readListing(query), readName(query, 'name')]
  if (!canAsk(db)) return notConnected
  const inspector = inspectSagas(db)
  const { isInstalled, isLate, verdict, kinds, workers } = await inspector.overview()
  if (!isInstalled || isLate) return { ...notConnected, isConnected: isInstalled, verdict }
  const found = await inspector.list({ state, limit: mostListed + 1, ...(name !== '' && { name }) })
  return {
    isConnected: true,
    verdict,
    kinds,
    workers: workers.map(({ leaseMs: _lease, ...worker }) => worker),
    sagas: found.slice(0, mostListed).map(toRow),
    isMore: found.length > mostListed,
  }
}

export async function findSaga(db: ObservedDb, query: URLSearchParams): Promise<SagaDocument> {
  const [id, withPayload] = [readId(query), query.get('payload') === '1']
  const found = await explainMissing(async () => await inspectSagas(need(db)).details(id, { withPayload }))
  if (found === undefined) throw describeMissing(id)
  return toDocument(found, withPayload)
}

// Actions are told by the address and not by a body: frameworks that parse JSON before the handler leave none behind.

export async function cancelSaga(db: ObservedDb, query: URLSearchParams): Promise<SagaActionDocument> {
  const [id, options] = [readId(query), { actor, ...readReason(query) }]
  return { isDone: await act(db, async (operator) => await operator.cancel(id, options)) }
}

export async function retrySaga(db: ObservedDb, query: URLSearchParams): Promise<SagaActionDocument> {
  const [id, options] = [readId(query), { actor, ...readReason(query) }]
  return { isDone: await act(db, async (operator) => await operator.retry(id, options)) }
}

/** For good: nobody undoes it afterwards, so that it wants a reason. */
export async function skipUndo(db: ObservedDb, query: URLSearchParams): Promise<SagaActionDocument> {
  const [id, step, { reason }] = [readId(query), readName(query, 'step'), readReason(query)]
  if (step === '' || reason === undefined)
    throw httpError('HF_HTTP_PARAMETER', `The parameter \`${step === '' ? 'step' : 'reason'}\` is missing.`)
  await act(db, async (operator) => await operator.skipUndo(id, step, reason, { actor }))
  return { isDone: true }
}

async function act<T>(db: ObservedDb, work: (operator: SagasOperator) => Promise<T>): Promise<T> {
  return await explainMissing(async () => await work(operateSagas(need(db))))
}

function canAsk(db: ObservedDb): db is ObservedDb & Pick<Db, 'query'> {
  return typeof db.query === 'function'
}

/** @throws HF_HTTP_NO_SAGAS */
function need(db: ObservedDb): Pick<Db, 'query'> {
  if (canAsk(db)) return db
  throw httpError('HF_HTTP_NO_SAGAS', 'This handler was made with a database that it cannot ask.')
}

/** @throws HF_HTTP_NO_SAGAS in place of what the server says of tables that are not there */
async function explainMissing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!notThere.has(readSqlstate(error) ?? '')) throw error
    throw httpError('HF_HTTP_NO_SAGAS', 'The tables of sagas are not there, or are of an older release.', {
      cause: error,
    })
  }
}

function toRow({ startedAt, endsBy, finishedAt, doing, ...saga }: FoundSaga): SagaRow {
  return {
    ...saga,
    doing: doing.map(({ until, ...step }) => ({ ...step, until: until?.getTime() ?? null })),
    startedAt: startedAt.getTime(),
    endsBy: endsBy.getTime(),
    finishedAt: finishedAt?.getTime() ?? null,
  }
}

function toDocument(found: SagaDetails, hasPayloads: boolean): SagaDocument {
  const { nowAt, steps, actions, signals, ...rest } = found
  return {
    ...rest,
    ...toRow(found),
    hasPayloads,
    nowAt: nowAt.getTime(),
    steps: steps.map(({ startedAt, endedAt, until, undo, ...step }) => ({
      ...step,
      startedAt: startedAt.getTime(),
      endedAt: endedAt?.getTime() ?? null,
      until: until?.getTime() ?? null,
      undo: undo && { ...undo, at: undo.at?.getTime() ?? null },
    })),
    actions: actions.map(({ at, ...action }) => ({ ...action, at: at.getTime() })),
    signals: signals.map(({ sentAt, ...signal }) => ({ ...signal, sentAt: sentAt.getTime() })),
  }
}

function readListing(query: URLSearchParams): SagaListing {
  const given = query.get('state') ?? 'failing'
  const state = listings.find((each) => each === given)
  if (state === undefined) throw httpError('HF_HTTP_PARAMETER', `\`state\` is one of ${listings.join(', ')}.`)
  return state
}

function readName(query: URLSearchParams, parameter: 'name' | 'step'): string {
  const name = query.get(parameter) ?? ''
  if (name.length <= mostNameChars && !name.includes('\0')) return name
  throw httpError('HF_HTTP_PARAMETER', `\`${parameter}\` is no name of a saga or a step.`)
}

/** As createSagas() takes it. */
function readId(query: URLSearchParams): string {
  const id = query.get('id') ?? ''
  if (/^[\x21-\x7e]{1,150}$/.test(id)) return id
  throw httpError('HF_HTTP_PARAMETER', 'An id of a saga has 1 to 150 printable ASCII characters, and no spaces.')
}

function readReason(query: URLSearchParams): { reason?: string } {
  const reason = (query.get('reason') ?? '').trim()
  if (reason.length > mostReasonChars || reason.includes('\0'))
    throw httpError('HF_HTTP_PARAMETER', `\`reason\` is a text of at most ${mostReasonChars} characters.`)
  return reason === '' ? {} : { reason }
}
