import { judgeCase, type JudgedPair } from '../../clash/judge-case.js'
import type { ClashCase } from '../../clash/corpus.js'
import { idiomsCases } from '../../clash/sets/idioms/index.js'
import { idioms1Cases } from '../../clash/sets/idioms1/index.js'
import { idioms2Cases } from '../../clash/sets/idioms2/index.js'
import { idioms3Cases } from '../../clash/sets/idioms3/index.js'
import { knownCases } from '../../clash/sets/known/index.js'
import { trickyCases } from '../../clash/sets/tricky/index.js'
import { findMedian, judgeCount, summarize } from '../../harness/statistics.js'
import type { BenchDocument, ContestInput } from '../../harness/types.js'

const sets: Readonly<Record<string, readonly ClashCase[]>> = {
  known: knownCases,
  tricky: trickyCases,
  idioms: idiomsCases,
  idioms1: idioms1Cases,
  idioms2: idioms2Cases,
  idioms3: idioms3Cases,
}

/** All sets: observed, every label proven by replay, and what was found fixed at the gate. */
export async function corpora({ url, quick, progress }: ContestInput): Promise<Pick<BenchDocument, 'rows' | 'checks'>> {
  const judged: (JudgedPair & { set: string })[] = []
  const unlisted = { confirmed: 0, not: 0 }
  for (const [set, cases] of Object.entries(sets)) {
    for (const given of quick ? cases.slice(0, 5) : cases) {
      const { pairs, unlisted: others } = await judgeCase(url, given)
      judged.push(...pairs.map((pair) => ({ ...pair, set })))
      for (const { confirmed } of others) unlisted[confirmed ? 'confirmed' : 'not']++
      for (const pair of pairs)
        if (isMislabelled(pair))
          progress(`${set}: ${pair.name}: ${pair.kind} is labelled ${pair.label}, the replay says ${pair.verdict}`)
    }
    progress(`${set}: ${judged.filter((pair) => pair.set === set).length} pairs`)
  }
  return summarizeAll(judged, unlisted)
}

const isMislabelled = ({ label, verdict }: JudgedPair): boolean =>
  (label === 'clash' && verdict !== 'clash') || (label === 'safe' && verdict === 'clash')

function summarizeAll(judged: readonly (JudgedPair & { set: string })[], unlisted: { confirmed: number; not: number }) {
  const visible = judged.filter(({ label }) => label !== 'hidden')
  const clashes = visible.filter(({ label }) => label === 'clash')
  // A pair of routes that clashes with some input is a clash, whatever it does with another.
  const guilty = new Set(clashes.map(nameOf))
  const safe = visible.filter((pair) => pair.label === 'safe' && !guilty.has(nameOf(pair)))
  const found = clashes.filter((pair) => pair.found)
  const wrong = safe.filter((pair) => pair.found)
  const confirmed = visible.filter((pair) => pair.found && pair.verdict === 'clash')
  const guarded = confirmed.filter(({ label }) => label === 'safe')
  const failing = clashes.filter(({ verdict }) => verdict === 'clash')
  const fixed = visible.filter(({ fixes }) => fixes.length > 0)
  const first = fixed.filter(({ fixes }) => fixes[0]?.held)
  const any = fixed.filter(({ fixes }) => fixes.some(({ held }) => held))
  const times = failing.flatMap(({ firstFailureMs }) => (firstFailureMs === undefined ? [] : [firstFailureMs]))
  const costs = first.flatMap(({ fixes }) => (fixes[0]?.cost ? [fixes[0].cost] : []))
  const share = (some: number, all: number) => (all === 0 ? 1 : some / all)
  const count = (subject: string, value: number) => summarize(subject, 'pairs', 'count', [value])
  const ofSet = (set: string) => (pair: { set?: string }) => pair.set === set
  return {
    rows: [
      count('labelled clash', clashes.length),
      count('labelled safe', visible.length - clashes.length),
      count('hidden', judged.length - visible.length),
      count('found and safe', wrong.length),
      count('reported, not labelled, confirmed', unlisted.confirmed),
      count('reported, not labelled, not confirmed', unlisted.not),
      count('mislabelled', visible.filter(isMislabelled).length),
      ...Object.keys(sets).map((set) =>
        summarize(set, 'pairs_recall', 'ratio', [
          share(found.filter(ofSet(set)).length, clashes.filter(ofSet(set)).length),
        ]),
      ),
      summarize('observer alone', 'pairs_precision', 'ratio', [share(found.length, found.length + wrong.length)]),
      summarize('replay', 'replay_ms', 'ms', times),
      summarize('any fix', 'fix_holds', 'ratio', [share(any.length, fixed.length)]),
      summarize(
        'first fix',
        'fix_requests',
        'requests/s',
        costs.map(({ requestsPerSecond }) => requestsPerSecond),
      ),
      summarize(
        'first fix',
        'fix_retries',
        'count',
        costs.map(({ retries }) => retries),
      ),
    ],
    checks: [
      judgeCount('pairs_recall', share(found.length, clashes.length), { atLeast: 0.9 }),
      judgeCount('confirmed_precision', share(confirmed.length - guarded.length, confirmed.length), { atLeast: 0.95 }),
      judgeCount('guarded_confirmed', guarded.length, { atMost: 2 }),
      judgeCount('replay_confirms', share(failing.length, clashes.length), { atLeast: 0.95 }),
      judgeCount('replay_median_ms', times.length === 0 ? 0 : findMedian(times), { atMost: 500 }),
      judgeCount('first_fix_holds', share(first.length, fixed.length), { atLeast: 0.8 }),
    ],
  }
}

const nameOf = ({ set, name, routes }: JudgedPair & { set: string }): string => `${set} ${name} ${routes}`
