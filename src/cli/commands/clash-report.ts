import type { FixProof, ReplayReport } from '../../clash/index.js'
import { formatMs } from '../latency-text.js'
import { showText, wrapText, type Terminal } from '../terminal.js'

export function printReport(report: ReplayReport, terminal: Terminal): void {
  const { verdict, schedules, ms, firstFailureMs, masked, serial, retries, deadlocks, diagram, isComplete } = report
  for (const line of diagram.split('\n')) terminal.print(showText(line))
  terminal.print('')
  const colour = verdict === 'clash' ? 'red' : verdict === 'none found' ? 'green' : 'yellow'
  terminal.print(terminal.paint(colour, verdict))
  const orders = serial.map(
    ({ order, statuses }) => `${order === 'AB' ? 'A, then B' : 'B, then A'}: ${statuses.join(', ')}`,
  )
  print(
    `${schedules} ${schedules === 1 ? 'schedule' : 'schedules'} in ${formatMs(ms)}; one after the other answers ${orders.join('; ')}.`,
    terminal,
  )
  if (firstFailureMs !== undefined) print(`The first that failed came after ${formatMs(firstFailureMs)}.`, terminal)
  if (!isComplete) print('There are more schedules than were tried.', terminal)
  if (retries + deadlocks > 0) print(`${retries} retries, ${deadlocks} deadlocks.`, terminal)
  if (masked.length > 0) print(`Not compared, because they differ by themselves: ${masked.join(', ')}.`, terminal)
}

/** The smallest change first, as they were tried; the last one is the one that holds, if one does. */
export function printFixes(proofs: readonly FixProof[], terminal: Terminal): void {
  for (const { fix, held, why, cost } of proofs) {
    terminal.print('')
    terminal.print(terminal.paint(held ? 'green' : 'yellow', held ? 'a fix that holds' : 'a fix that does not hold'))
    print(fix.title, terminal, '  ')
    if (held) print(fix.sql, terminal, '  ')
    else print(why, terminal, '  ')
    if (cost === undefined) continue
    const { requestsPerSecond, retries, failed } = cost
    const notes = [`${retries} begun again`, ...(failed > 0 ? [`${failed} failed`] : [])]
    print(`Both at once: ${requestsPerSecond.toFixed(0)} requests a second, ${notes.join(', ')}.`, terminal, '  ')
  }
}

function print(text: string, terminal: Terminal, indent = ''): void {
  for (const line of wrapText(showText(text), terminal.width - indent.length)) terminal.print(`${indent}${line}`)
}
