import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { Second } from '../../src/http/contract'
import { formatTime, joinFigure, type Figure } from './format'
import { shownSeconds } from './live'
import { makeOptions, toColumns } from './plot-options'
import { isDark, tables, toggleTable } from './view-state'

export interface PlotSeries {
  label: string
  of: (second: Second) => number | null
  /** Name of a colour in the style sheet. */
  colour: string
  width: number
  dash?: number[]
  fill?: string
  stepped?: boolean
}

export interface PlotDefinition {
  id: string
  title: string
  /** The scale reaches at least this high, so that noise near zero does not look like mountains. */
  floor: number
  format: (value: number) => Figure
  /** Half a connection is no tick. */
  isWhole?: boolean
  series: readonly PlotSeries[]
  /** The two series whose distance is filled, upper first. */
  band?: [number, number]
  describe: (seconds: readonly Second[]) => string
}

/** The second under the pointer in any of the plots; null shows the newest. */
export const pointedAt = signal<number | null>(null)

export function Plot({ definition }: { definition: PlotDefinition }) {
  const isTable = tables.value.has(definition.id)
  const caption = definition.describe(shownSeconds.value)
  const titleId = `plot-${definition.id}`
  return (
    <figure class="panel plot" aria-labelledby={titleId}>
      <header>
        <h2 id={titleId}>{definition.title}</h2>
        <Legend definition={definition} />
        <button
          type="button"
          class="quiet"
          aria-pressed={isTable}
          aria-label={`${definition.title}: ${isTable ? 'show as plot' : 'show as table'}`}
          onClick={() => toggleTable(definition.id)}
        >
          {isTable ? 'Show as plot' : 'Show as table'}
        </button>
      </header>
      {isTable ? (
        <PlotTable definition={definition} />
      ) : (
        <Canvas definition={definition} label={`${definition.title}. ${caption}.`} />
      )}
      <figcaption>{caption}</figcaption>
    </figure>
  )
}

/** Names the lines and reads them out at the pointer. */
function Legend({ definition }: { definition: PlotDefinition }) {
  const all = shownSeconds.value
  const at = pointedAt.value
  const second = (at === null ? undefined : all.find((item) => item.at === at)) ?? all.at(-1)
  return (
    <ul class="legend">
      {definition.series.map((series) => {
        const value = second === undefined ? null : series.of(second)
        return (
          <li key={series.label}>
            <svg width="16" height="8" aria-hidden="true">
              <line
                x1="0"
                x2="16"
                y1="4"
                y2="4"
                stroke={`var(${series.colour})`}
                stroke-width={series.width + 0.5}
                stroke-dasharray={series.dash?.join(' ') ?? 'none'}
              />
            </svg>
            {series.label} <b>{value === null ? '–' : joinFigure(definition.format(value))}</b>
          </li>
        )
      })}
    </ul>
  )
}

function Canvas({ definition, label }: { definition: PlotDefinition; label: string }) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const dark = isDark.value
  const seconds = shownSeconds.value
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const made = new uPlot(
      makeOptions(definition, element, pointedAt),
      toColumns(definition, shownSeconds.peek()),
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: element.clientHeight }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [definition, dark])
  useEffect(() => plot.current?.setData(toColumns(definition, seconds)), [definition, seconds])
  return <div class="canvas" ref={host} role="img" aria-label={label} />
}

function PlotTable({ definition }: { definition: PlotDefinition }) {
  return (
    <div class="plot-table" tabIndex={0} role="region" aria-label={`${definition.title} by second`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {definition.series.map((series) => (
              <th scope="col" key={series.label}>
                {series.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...shownSeconds.value].reverse().map((second) => (
            <tr key={second.at}>
              <th scope="row">{formatTime(second.at)}</th>
              {definition.series.map((series) => {
                const value = series.of(second)
                return <td key={series.label}>{value === null ? '–' : joinFigure(definition.format(value))}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
