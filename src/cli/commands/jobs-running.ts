import type { CronState, Progress, RunningJob } from '../../jobs/index.js'
import { formatAge, formatNamedTable, showText, type Terminal } from '../terminal.js'

/** `60 of 120 (50 %)  orders`. */
export function formatProgress({ done, total, note }: Progress): string {
  const amount = total === null ? String(done) : `${done} of ${total}`
  const share = total === null || total <= 0 ? '' : ` (${Math.floor((done / total) * 100)} %)`
  return `${amount}${share}${note === null ? '' : `  ${note}`}`
}

const right = 'right' as const

export function printRunning(running: readonly RunningJob[], terminal: Terminal): void {
  if (running.length === 0) return
  const columns = [
    { title: 'running' },
    { title: 'id', align: right },
    { title: 'since', align: right },
    { title: 'progress' },
  ]
  const rows = running.map(({ name, id, runningMs, progress }) => [
    showText(name),
    id,
    formatAge(runningMs),
    cut(showText(formatProgress(progress)), 32),
  ])
  terminal.print('')
  for (const line of formatNamedTable(columns, rows, terminal.width)) terminal.print(line)
}

export function printCrons(crons: readonly CronState[], terminal: Terminal): void {
  if (crons.length === 0) return
  const columns = [{ title: 'schedule' }, { title: 'at' }, { title: 'time zone' }, { title: 'next', align: right }]
  const rows = crons.map(({ name, schedule, timeZone, nextMs }) => [
    showText(name),
    showText(schedule),
    showText(timeZone),
    nextMs <= 0 ? 'due' : `in ${formatAge(nextMs)}`,
  ])
  terminal.print('')
  for (const line of formatNamedTable(columns, rows, terminal.width)) terminal.print(line)
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
