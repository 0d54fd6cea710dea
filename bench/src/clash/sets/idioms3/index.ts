import type { ClashCase } from '../../corpus.ts'
import { cases as lab } from './lab.ts'
import { cases as parking } from './parking.ts'

export const idioms3Cases: ClashCase[] = [...parking, ...lab]
