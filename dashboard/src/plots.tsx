import type { Second } from '../../src/http/contract'
import { formatCount, formatMs, formatRate, formatTime, joinFigure } from './format'
import { shownSeconds } from './live'
import { errorsPerSecond, requestsPerSecond } from './measures'
import { Plot, type PlotDefinition } from './plot'

const latency: PlotDefinition = {
  id: 'latency',
  title: 'Latency',
  floor: 5,
  format: formatMs,
  band: [1, 0],
  series: [
    { label: 'P50', of: (second) => noneWhenIdle(second, second.p50), colour: '--accent-soft', width: 1.25 },
    { label: 'P95', of: (second) => noneWhenIdle(second, second.p95), colour: '--accent', width: 2 },
    {
      label: 'P99',
      of: (second) => noneWhenIdle(second, second.p99),
      colour: '--line-strong',
      width: 1.25,
      dash: [4, 3],
    },
  ],
  describe: describeLatency,
}

const requests: PlotDefinition = {
  id: 'requests',
  title: 'Requests and errors',
  floor: 5,
  format: formatRate,
  series: [
    { label: 'Requests', of: requestsPerSecond, colour: '--accent', width: 2, fill: '--accent-fill' },
    { label: 'Errors', of: errorsPerSecond, colour: '--text', width: 1.5, dash: [2, 2] },
  ],
  describe: (seconds) =>
    `Requests ${describePeak(seconds, requestsPerSecond, formatRate)}; errors ${describePeak(seconds, errorsPerSecond, formatRate)}`,
}

const pool: PlotDefinition = {
  id: 'pool',
  title: 'Pool',
  floor: 4,
  isWhole: true,
  format: formatCount,
  series: [
    {
      label: 'Busy',
      of: (second) => second.poolBusy,
      colour: '--accent',
      width: 2,
      fill: '--accent-fill',
      stepped: true,
    },
    { label: 'Waiting', of: (second) => second.poolWaiting, colour: '--watch', width: 2, dash: [5, 3], stepped: true },
  ],
  describe: (seconds) =>
    `Busy ${describePeak(seconds, (second) => second.poolBusy, formatCount)}; waiting ${describePeak(seconds, (second) => second.poolWaiting, formatCount)}`,
}

const loop: PlotDefinition = {
  id: 'loop',
  title: 'Event loop delay',
  floor: 20,
  format: formatMs,
  series: [
    { label: 'P50', of: (second) => second.loopP50, colour: '--accent-soft', width: 1.25 },
    { label: 'P99', of: (second) => second.loopP99, colour: '--accent', width: 2 },
  ],
  describe: (seconds) => `P99 ${describePeak(seconds, (second) => second.loopP99, formatMs)}`,
}

export function Plots() {
  if (shownSeconds.value.length === 0) return null
  return (
    <section class="plots" aria-label="Course of the last minutes">
      {[latency, requests, pool, loop].map((definition) => (
        <Plot key={definition.id} definition={definition} />
      ))}
    </section>
  )
}

/** No requests have no latency; a line at zero would look like a fast service. */
function noneWhenIdle(second: Second, value: number): number | null {
  return second.requests === 0 ? null : value
}

function describeLatency(seconds: readonly Second[]): string {
  const text = `P95 ${describePeak(seconds, (second) => second.p95, formatMs)}`
  return seconds.at(-1)?.requests === 0 ? text.replace(/^P95 0 ms now/, 'No requests now') : text
}

function describePeak(seconds: readonly Second[], of: (second: Second) => number, format: typeof formatMs): string {
  const last = seconds.at(-1)
  if (last === undefined) return 'not measured yet'
  const peak = seconds.reduce((highest, second) => (of(second) > of(highest) ? second : highest), seconds[0] ?? last)
  const current = `${joinFigure(format(of(last)))} now`
  return of(peak) === 0 ? current : `${current}, highest ${joinFigure(format(of(peak)))} at ${formatTime(peak.at)}`
}
