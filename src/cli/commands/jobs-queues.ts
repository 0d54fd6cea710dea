import { findNearest } from '../../core/index.js'
import type { Jobs, QueueState, WorkerState } from '../../jobs/index.js'
import type { CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { formatAge, formatNamedTable, showText, type Terminal } from '../terminal.js'
import { printCrons, printRunning } from './jobs-running.js'

/** The queue of that name. @throws HF_CLI_QUEUE_UNKNOWN with the nearest one that exists */
export async function findQueue(jobs: Jobs, name: string): Promise<string> {
  const names = (await jobs.queues()).map((queue) => queue.name)
  if (names.includes(name)) return name
  const nearest = findNearest(name, names)
  const hint = nearest ? `; did you mean "${showText(nearest)}"?` : '.'
  throw cliError('HF_CLI_QUEUE_UNKNOWN', `There is no queue "${name}"${hint}`)
}

export async function showQueues(jobs: Jobs, { options, terminal }: CommandInput): Promise<number> {
  const { inspect } = jobs
  const found = await Promise.all([jobs.queues(), inspect.workers(), inspect.running(), inspect.crons()])
  const [queues, workers, running, crons] = found
  if (options['json']) terminal.printJson({ queues, workers, running, crons })
  else {
    printQueues(queues, terminal)
    terminal.print('')
    printWorkers(workers, terminal)
    printRunning(running, terminal)
    printCrons(crons, terminal)
  }
  return 0
}

const right = 'right' as const
const queueColumns = [
  { title: 'queue' },
  { title: 'state' },
  { title: 'oldest', align: right },
  { title: 'sent', align: right },
  { title: 'succeeded', align: right },
  { title: 'failed', align: right },
  { title: 'died', align: right },
]

function printQueues(queues: readonly QueueState[], terminal: Terminal): void {
  if (queues.length === 0)
    return terminal.print('No queues yet: a queue exists once a process that knows it has started.')
  const rows = queues.map(({ name, isPaused, oldestReadyMs, sent, succeeded, failed, died }) => [
    showText(name),
    isPaused ? 'paused' : 'open',
    oldestReadyMs === null ? '-' : formatAge(oldestReadyMs),
    ...[sent, succeeded, failed, died].map(String),
  ])
  for (const line of formatNamedTable(queueColumns, rows, terminal.width)) terminal.print(line)
}

const workerColumns = [
  { title: 'worker' },
  { title: 'state' },
  { title: 'up', align: right },
  { title: 'seen', align: right },
]

function printWorkers(workers: readonly WorkerState[], terminal: Terminal): void {
  const alive = workers.filter(({ isAlive }) => isAlive).length
  terminal.print(
    terminal.paint(alive === 0 ? 'yellow' : 'bold', `${alive} ${alive === 1 ? 'worker' : 'workers'} alive`),
  )
  if (workers.length === 0) return
  const rows = workers.map(({ instance, isAlive, upMs, seenMs }) => [
    showText(instance),
    isAlive ? 'alive' : 'gone',
    formatAge(upMs),
    `${formatAge(seenMs)} ago`,
  ])
  for (const line of formatNamedTable(workerColumns, rows, terminal.width)) terminal.print(line)
}
