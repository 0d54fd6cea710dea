import type { Jobs, JobStatus } from '../../jobs/index.js'
import type { CommandInput } from '../command.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import { readId } from './jobs-dead.js'
import { formatProgress } from './jobs-running.js'

/** Exit code 1 when nothing is known of the job. */
export async function showStatus(jobs: Jobs, { words, options, terminal }: CommandInput): Promise<number> {
  const id = readId(words[1] as string)
  const status = await jobs.status(id)
  const withPayload = options['payload'] === true
  if (options['json']) terminal.printJson({ id, status: status ? describe(status, withPayload) : null })
  else if (status === undefined) terminal.print(`unknown  ${id}`)
  else printStatus(status, withPayload, terminal)
  if (status === undefined)
    terminal.progress('It was never sent, or it has ended and its queue keeps nothing (keepMs).')
  return status === undefined ? 1 : 0
}

function describe({ name, result, ...rest }: JobStatus, withPayload: boolean): object {
  return { queue: name, ...rest, ...(withPayload && { result }) }
}

function printStatus(status: JobStatus, withPayload: boolean, terminal: Terminal): void {
  const { id, name, state, isCancelling, attempt, progress, waits, error, result } = status
  const how = isCancelling ? `${state}, cancelling` : state
  terminal.print(`${id}  ${how}  attempt ${attempt}  ${terminal.paint('bold', showText(name))}`)
  const lines: [string, string][] = []
  if (progress) lines.push(['progress', formatProgress(progress)])
  for (const { sentence } of waits) lines.push(['waits', sentence])
  if (error) lines.push(['error', `${error.name}: ${error.message}`])
  if (status.finishedAt) lines.push(['ended', status.finishedAt.toISOString()])
  if (status.expiresAt) lines.push(['kept to', status.expiresAt.toISOString()])
  for (const [title, text] of lines) printFact(title, text, terminal)
  // Unbroken: it is what one copies.
  if (withPayload && state === 'succeeded')
    terminal.print(`  ${'result'.padEnd(10)}${showText(JSON.stringify(result))}`)
}

function printFact(title: string, text: string, terminal: Terminal): void {
  const [first = '', ...others] = wrapText(showText(text), terminal.width - 12)
  terminal.print(`  ${title.padEnd(10)}${first}`)
  for (const line of others) terminal.print(`${''.padEnd(12)}${line}`)
}
