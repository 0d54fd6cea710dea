import type { Db } from '../core/index.js'
import { adviseStatement, adviseText, type Advice } from '../watch/index.js'
import type { AdviceDocument } from './contract.js'
import type { ObservedDb } from './types.js'

/** A person waits for it, and a proxy before that. */
const deadlineMs = 20_000

/** Undefined: this database cannot be asked beside its pool. */
export function createAdvise(db: ObservedDb): ((statement: string) => Promise<AdviceDocument>) | undefined {
  if (!canConnect(db)) return undefined
  return async (statement) => {
    const { advice, refused, rewrites } = await adviseStatement(db, statement, { deadlineMs })
    return { advice, refused: [...rewrites.map(({ why, to }) => `${why} ${to}`), ...refused.map(({ why }) => why)] }
  }
}

/** For the autopsy, which has the text. */
export function createAdviseText(db: ObservedDb): ((text: string) => Promise<Advice>) | undefined {
  return canConnect(db) ? async (text) => await adviseText(db, text, { deadlineMs }) : undefined
}

function canConnect(db: ObservedDb): db is ObservedDb & Pick<Db, 'pool' | 'query'> {
  return typeof db.query === 'function' && 'connectDirect' in db
}
