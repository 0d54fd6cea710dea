import type { Signal } from '@preact/signals'
import uPlot from 'uplot'
import type { Second } from '../../src/http/contract'
import { formatTime, joinFigure } from './format'
import type { PlotDefinition, PlotSeries } from './plot'
import { windowSeconds } from './view-state'

/** A distance of more than this between two seconds is a pause, and no line is drawn across it. */
const gapMs = 5_000

const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]

/** uPlot wants columns: times in seconds, then one array for each line. */
export function toColumns(definition: PlotDefinition, seconds: readonly Second[]): uPlot.AlignedData {
  const rows: { at: number; second: Second | null }[] = []
  for (const second of seconds) {
    const last = rows.at(-1)
    if (last !== undefined && second.at - last.at > Math.max(gapMs, second.spanMs * 1.5)) {
      rows.push({ at: last.at + 1000, second: null })
    }
    rows.push({ at: second.at, second })
  }
  const times = rows.map((row) => row.at / 1000)
  const lines = definition.series.map((series) =>
    rows.map((row) => (row.second === null ? null : series.of(row.second))),
  )
  return [times, ...lines]
}

export function makeOptions(
  definition: PlotDefinition,
  host: HTMLElement,
  pointedAt: Signal<number | null>,
): uPlot.Options {
  const colour = (name: string): string => resolveColour(host, name)
  const axis = {
    stroke: colour('--soft'),
    font: '11px ui-monospace, Menlo, Consolas, monospace',
    ticks: { show: false },
  }
  const grid = { stroke: colour('--grid'), width: 1 }
  const options: uPlot.Options = {
    width: host.clientWidth,
    height: host.clientHeight,
    legend: { show: false },
    padding: [10, 26, 0, 0],
    cursor: { sync: { key: 'now' }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: (_plot, _min, max) => [max - windowSeconds.peek(), max] },
      y: { range: (_plot, _min, max) => [0, Math.max(definition.floor, max ?? 0) * 1.1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 90,
        size: 26,
        values: (_plot, splits) => splits.map((at) => formatTime(at * 1000)),
      },
      {
        ...axis,
        grid,
        ...(definition.isWhole === true ? { incrs: wholeSteps } : {}),
        size: 62,
        space: 34,
        values: (_plot, splits) => splits.map((v) => joinFigure(definition.format(v))),
      },
    ],
    series: [{}, ...definition.series.map((series) => makeSeries(series, colour))],
    hooks: { setCursor: [(plot) => (pointedAt.value = readPointed(plot))] },
  }
  if (definition.band !== undefined) {
    const [upper, lower] = definition.band
    options.bands = [{ series: [upper + 1, lower + 1], fill: colour('--accent-fill') }]
  }
  return options
}

function makeSeries(series: PlotSeries, colour: (name: string) => string): uPlot.Series {
  const made: uPlot.Series = {
    label: series.label,
    stroke: colour(series.colour),
    width: series.width,
    points: { show: false },
  }
  if (series.dash !== undefined) made.dash = series.dash
  if (series.fill !== undefined) made.fill = colour(series.fill)
  const stepped = series.stepped === true ? uPlot.paths.stepped?.({ align: -1 }) : undefined
  if (stepped !== undefined) made.paths = stepped
  return made
}

function readPointed(plot: uPlot): number | null {
  const { idx, left } = plot.cursor
  if (idx === null || idx === undefined || left === undefined || left < 0) return null
  const at = plot.data[0][idx]
  return at === undefined ? null : Math.round(at * 1000)
}

/** The style sheet says `light-dark(…)`; a canvas needs what comes out of it. */
function resolveColour(host: HTMLElement, name: string): string {
  host.style.color = `var(${name})`
  const resolved = getComputedStyle(host).color
  host.style.color = ''
  return resolved
}
