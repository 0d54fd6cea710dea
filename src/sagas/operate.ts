import type { HoldfastError } from '../core/index.js'
import { sagasError } from './errors.js'
import { sendHint } from './hints.js'
import type { Asked } from './inspect-store.js'
import * as store from './store.js'
import type { ActionOptions, Sagas } from './types.js'

/** What a person does about one saga. */
export type SagasOperator = Pick<Sagas, 'cancel' | 'retry' | 'skipUndo'>

/** Tells the workers of all processes to look at once. */
type Tell = (id: string, what: 'cancel' | 'start') => void | Promise<void>

/** Actions on sagas of a database, whatever this process runs. Each leaves a row with its actor and reason. */
export function operateSagas(db: Asked, tell: Tell = async (...hint) => await sendHint(db, ...hint)): SagasOperator {
  return {
    cancel: async (id, { reason, actor }: ActionOptions = {}) => {
      const answer = await store.cancel(db, id, reason, actor)
      if (answer === null) throw describeMissing(id)
      if (answer === 'pivoted') throw sagasError('HF_SAGAS_PIVOTED', `Saga ${id} is past its pivot: it can only go on.`)
      if (answer === 'asked') await tell(id, 'cancel')
      return answer === 'asked'
    },
    retry: async (id, { reason, actor }: ActionOptions = {}) => {
      const answer = await store.retry(db, id, reason, actor)
      if (answer === null) throw describeMissing(id)
      if (answer) await tell(id, 'start')
      return answer
    },
    skipUndo: async (id, step, reason, { actor } = {}) => {
      const answer = await store.skipUndo(db, id, step, reason, actor)
      if (answer === null) throw describeMissing(id)
      if (answer === 'not-stuck') throw sagasError('HF_SAGAS_NOT_STUCK', `Saga ${id} is not stuck in undoing.`)
      if (answer === 'no-step')
        throw sagasError('HF_SAGAS_NOT_STUCK', `Saga ${id} has no step ${step} that is still to be undone.`)
      await tell(id, 'start')
    },
  }
}

/** HF_SAGAS_NOT_FOUND. */
export function describeMissing(id: string): HoldfastError {
  return sagasError('HF_SAGAS_NOT_FOUND', `There is no saga ${id.slice(0, 150)}.`)
}
