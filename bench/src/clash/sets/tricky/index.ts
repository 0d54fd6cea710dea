import type { ClashCase } from '../../corpus.js'
import { cases as balances } from './balances.js'
import { cases as bodies } from './bodies.js'
import { cases as computedUpserts } from './computed-upserts.js'
import { cases as derivedValues } from './derived-values.js'
import { cases as documents } from './documents.js'
import { cases as entities } from './entities.js'
import { cases as lifecycles } from './lifecycles.js'
import { cases as relations } from './relations.js'
import { cases as repositories } from './repositories.js'
import { cases as schedules } from './schedules.js'
import { cases as singleStatements } from './single-statements.js'
import { cases as weakLocks } from './weak-locks.js'
import { cases as wrongLocks } from './wrong-locks.js'

export const trickyCases: ClashCase[] = [
  ...singleStatements,
  ...wrongLocks,
  ...weakLocks,
  ...computedUpserts,
  ...documents,
  ...lifecycles,
  ...relations,
  ...derivedValues,
  ...balances,
  ...schedules,
  ...entities,
  ...repositories,
  ...bodies,
]
