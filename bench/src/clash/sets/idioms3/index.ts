import type { ClashCase } from '../../corpus.ts'
import { cases as parking } from './parking.ts'

export const idioms3Cases: ClashCase[] = [...parking]
