import { fileURLToPath } from 'node:url'
import { httpRequest, openAppLab } from 'holdfast/clash'
import type { ClashCase } from '../../clash/corpus.js'
import { makeDatabase } from '../../clash/database.js'
import { knownCases } from '../../clash/sets/known/index.js'
import { summarize } from '../../harness/statistics.js'
import type { BenchDocument, ContestInput } from '../../harness/types.js'

const server = fileURLToPath(new URL('../../clash/app-server.js', import.meta.url))
const MOST_CASES = 15

/** As `holdfast clash replay --app` does it: the application in a process of its own, unchanged, asked by HTTP. */
export async function overHttp({ url, quick }: ContestInput): Promise<Pick<BenchDocument, 'rows' | 'checks'>> {
  const shown: { firstMs: number; totalMs: number }[] = []
  let cases = 0
  for (const [place, given] of knownCases.entries()) {
    const pair = given.pairs.find(({ label, hidden }) => label === 'clash' && !hidden)
    if (pair === undefined || cases >= (quick ? 2 : MOST_CASES)) continue
    cases++
    const one = await replayOne(url, given, place, pair)
    if (one) shown.push(one)
  }
  return {
    rows: [
      summarize('through --app', 'replay_confirms', 'ratio', [shown.length / Math.max(1, cases)]),
      summarize(
        'through --app',
        'replay_ms',
        'ms',
        shown.map(({ firstMs }) => firstMs),
      ),
      summarize(
        'through --app, with clone and start',
        'replay_ms',
        'ms',
        shown.map(({ totalMs }) => totalMs),
      ),
    ],
    checks: [],
  }
}

/** Undefined: no schedule failed. */
async function replayOne(
  url: string,
  given: ClashCase,
  place: number,
  { first, second }: ClashCase['pairs'][number],
): Promise<{ firstMs: number; totalMs: number } | undefined> {
  const database = await makeDatabase(url, given)
  const startedAt = performance.now()
  try {
    const lab = await openAppLab({ url: database.url, command: `${process.execPath} ${server} ${place}` })
    try {
      const [one, other] = [first, second].map(([route, input]) =>
        httpRequest(`POST / ${JSON.stringify({ route, input })}`),
      ) as [ReturnType<typeof httpRequest>, ReturnType<typeof httpRequest>]
      const { verdict, firstFailureMs } = await lab.replay(one, other)
      return verdict === 'clash' && firstFailureMs !== undefined
        ? { firstMs: firstFailureMs, totalMs: performance.now() - startedAt }
        : undefined
    } finally {
      await lab.close()
    }
  } finally {
    await database.drop()
  }
}
