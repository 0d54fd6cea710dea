import type { ComponentChildren } from 'preact'
import type { Percentiles } from '../../src/http/contract'
import { formatMs, joinFigure } from './format'

export const latencyColumns = ['P50', 'P95', 'P99', 'A day before'] as const

interface Properties {
  latency: Percentiles
  before: Percentiles | null
  /** Stands before P95. */
  mark?: ComponentChildren
}

/** The cells of `latencyColumns`. */
export function LatencyCells({ latency: { p50, p95, p99 }, before, mark }: Properties) {
  return (
    <>
      <td role="cell" data-label="P50">
        {joinFigure(formatMs(p50))}
      </td>
      <td role="cell" data-label="P95">
        {mark} {joinFigure(formatMs(p95))}
      </td>
      <td role="cell" data-label="P99">
        {joinFigure(formatMs(p99))}
      </td>
      <td role="cell" data-label="A day before">
        {before === null ? '–' : `P95 ${joinFigure(formatMs(before.p95))}`}
      </td>
    </>
  )
}
