import type { ClashCase } from '../../corpus.js'
import { cases as benign } from './benign.js'
import { cases as benignMore } from './benign-more.js'
import { cases as checks } from './checks.js'
import { cases as guarded } from './guarded.js'
import { cases as guardedMore } from './guarded-more.js'
import { cases as guardedSets } from './guarded-sets.js'
import { cases as lostUpdate } from './lost-update.js'
import { cases as lostUpdateMore } from './lost-update-more.js'
import { cases as more } from './more.js'
import { cases as retries } from './retries.js'
import { cases as setsAndSkew } from './sets-and-skew.js'
import { cases as wrongGuards } from './wrong-guards.js'
import { cases as wrongGuardsMore } from './wrong-guards-more.js'

/** The set that the rules are developed with: every kind and every guard that they know. */
export const knownCases: ClashCase[] = [
  lostUpdate,
  lostUpdateMore,
  checks,
  setsAndSkew,
  wrongGuards,
  wrongGuardsMore,
  guarded,
  guardedMore,
  guardedSets,
  more,
  retries,
  benign,
  benignMore,
].flat()
