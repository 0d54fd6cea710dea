import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from 'holdfast/watch'
import type { PeerPart } from '../../harness/peer-contest.js'
import { judgeCount, summarize } from '../../harness/statistics.js'
import { startSubject } from '../../harness/subjects.js'

const LANES = 16
const REQUESTS = 500_000
/** The machine ran something else, and a finding says so: that is true, and nobody's line is blamed. */
const isStarved = ({ kind }: Finding): boolean => kind === 'starved-machine'
/** V8 stopped everything, and a finding says for how long: the same. */
const isCollection = ({ kind, subject }: Finding): boolean =>
  kind === 'blocked-loop' && subject === '(garbage collection)'
/** What watch finds without looking at who blocks. */
const others: ReadonlySet<string> = new Set<Finding['kind']>([
  'plan-flip',
  'plan-drift',
  'row-multiplication',
  'shadowed-column',
  'unread-columns',
  'unbounded-result',
  'repeated-statement',
  'unused-index',
  'duplicate-index',
  'invalid-index',
])

/** Half a million requests to a service in which nothing blocks: what is told of it is false. */
export const clean: PeerPart = async ({ input, execPath, databases }) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-clean-'))
  const start = async (module: string, url: string) =>
    await startSubject(module, new URL(`../../subjects/${module}.js`, import.meta.url), url, LANES, execPath, {
      CLEAN_FOLDER: folder,
    })
  try {
    const service = await start('async-clean', databases.urlOf('all'))
    const { samples: [port] = [] } = await service.run('listen', 0)
    const clients = await start('async-clean-clients', `http://127.0.0.1:${port}`)
    const { operations, seconds } = await clients.run('clean', input.quick ? REQUESTS / 50 : REQUESTS)
    const told = await waitForTold(`http://127.0.0.1:${port}/told`)
    await clients.close()
    await service.close()
    const findings = told.filter(({ kind }) => !others.has(kind))
    const [starved, collections] = [findings.filter(isStarved), findings.filter(isCollection)]
    const wrong = findings.filter((each) => !isStarved(each) && !isCollection(each))
    input.progress(`clean: ${operations} requests in ${seconds.toFixed(0)} s, ${wrong.length} false reports`)
    for (const { kind, route, sentence } of findings) input.progress(`  ${kind} of ${route}: ${sentence}`)
    return {
      rows: [
        summarize('clean traffic', 'clean_requests', 'requests', [operations]),
        summarize('clean traffic', 'clean_rate', 'requests/s', [operations / seconds]),
        summarize('clean traffic', 'clean_starved', 'reports', [starved.length]),
        summarize('clean traffic', 'clean_collections', 'reports', [collections.length]),
      ],
      checks: [judgeCount('false_reports', wrong.length, { atMost: 0 })],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Some are told when what was seen is written, which is every ten seconds. */
const WRITTEN_MS = 11_000

async function waitForTold(url: string): Promise<Finding[]> {
  await new Promise((resolve) => setTimeout(resolve, WRITTEN_MS))
  return (await (await fetch(url)).json()) as Finding[]
}
