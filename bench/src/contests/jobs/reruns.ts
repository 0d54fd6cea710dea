import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { judgeCount, summarize } from '../../harness/statistics.js'
import { startSubject, type SubjectProcess } from '../../harness/subjects.js'
import { RUN_LINE_BYTES } from './run-lines.js'
import { HOLDFAST, type Part, type Setting } from './setting.js'

const full = { jobs: 60_000, kills: 7 }
const quick = { jobs: 10_000, kills: 2 }
const PATIENCE_MS = 60_000

/** What the worker is busy with when it dies. */
const handlers = [
  { name: 'no-op handler', metric: 'runs_begin_noop' },
  { name: '1 ms handler', metric: 'runs_begin_1ms' },
] as const

const module = new URL('../../subjects/jobs-runs-holdfast.js', import.meta.url)

/**
 * A worker at full speed is killed with -9 somewhere in the middle, another one does the rest. Each writes the id of every
 * run to a file of its own in the same instant, which outlives it: an id that is there twice ran twice. The check is the
 * worst of all kills of a worker that is busy with its handlers. One whose handlers end at once is busy with the queue: it
 * may repeat what it was claiming, and is shown as a row of its own.
 */
export const reruns: Part = async (setting) => {
  const { kills, jobs } = setting.input.quick ? quick : full
  const rows = []
  let worst = 0
  for (const { name, metric } of handlers) {
    const counts: number[] = []
    for (let n = 0; n < kills; n++) counts.push(await countReruns(setting, metric, jobs))
    setting.input.progress(`reruns_after_kill: ${name}: ${counts.join(', ')}`)
    rows.push(summarize(`${HOLDFAST} (${name})`, 'reruns_after_kill', 'jobs', counts))
    if (metric === 'runs_begin_1ms') worst = Math.max(worst, ...counts)
  }
  return { rows, checks: [judgeCount('reruns_after_kill', worst, { atMost: 100 })] }
}

async function countReruns(setting: Setting, metric: string, amount: number): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-bench-runs-'))
  const files = [join(dir, 'victim'), join(dir, 'survivor')] as const
  const victim = await start(setting, files[0])
  const survivor = await start(setting, files[1])
  try {
    await survivor.run('fill', amount)
    await victim.run(metric, amount)
    await waitForRuns(files[0], amount * (0.2 + Math.random() * 0.6))
    await victim.kill()
    await survivor.run('runs_rest', amount)
    const ids = (await Promise.all(files.map(readLines))).flat()
    const distinct = new Set(ids).size
    if (distinct !== amount) throw new Error(`Of ${amount} jobs ${distinct} ran.`)
    return ids.length - distinct
  } finally {
    await victim.kill()
    await survivor.close()
    await rm(dir, { recursive: true })
  }
}

async function start({ execPath, databases }: Setting, file: string): Promise<SubjectProcess> {
  return await startSubject(HOLDFAST, module, databases.urlOf(HOLDFAST), 1, execPath, { HOLDFAST_BENCH_RUNS: file })
}

async function waitForRuns(file: string, runs: number): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS
  while ((await stat(file)).size < runs * RUN_LINE_BYTES) {
    if (performance.now() > endsAt) throw new Error(`The worker did not get on within ${PATIENCE_MS} ms.`)
    await sleep(1)
  }
}

/** A line that was cut off by the kill is none: its handler had not ended. */
async function readLines(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').slice(0, -1)
}
