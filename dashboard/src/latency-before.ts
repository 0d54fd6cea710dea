import type { Percentiles } from '../../src/http/contract'
import { formatMs, joinFigure } from './format'

export const describeBefore = (before: Percentiles | null): string =>
  before === null ? '–' : `P95 ${joinFigure(formatMs(before.p95))}`
