import type { ClashCase } from '../../corpus.ts'
import { cases as documents } from './documents.ts'
import { cases as exams } from './exams.ts'
import { cases as hotel } from './hotel.ts'
import { cases as inventory } from './inventory.ts'
import { cases as lab } from './lab.ts'
import { cases as parking } from './parking.ts'
import { cases as referrals } from './referrals.ts'
import { cases as support } from './support.ts'

export const idioms3Cases: ClashCase[] = [
  ...parking,
  ...lab,
  ...support,
  ...documents,
  ...hotel,
  ...exams,
  ...referrals,
]
