import type { ClashCase } from '../../corpus.js'
import { cases as documents } from './documents.js'
import { cases as exams } from './exams.js'
import { cases as hotel } from './hotel.js'
import { cases as inventory } from './inventory.js'
import { cases as lab } from './lab.js'
import { cases as parking } from './parking.js'
import { cases as referrals } from './referrals.js'
import { cases as support } from './support.js'

export const idioms3Cases: ClashCase[] = [
  ...parking,
  ...lab,
  ...support,
  ...documents,
  ...hotel,
  ...exams,
  ...referrals,
  ...inventory,
]
