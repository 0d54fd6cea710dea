import { isHoldfastError } from 'holdfast'
import { proposeFixes, proveFixes, type FixProof, type ReplayReport } from 'holdfast/clash'
import { loadIdentify, type Clash } from 'holdfast/watch'
import type { Call, ClashCase, LabelledPair } from './corpus.js'
import { observeCase } from './observe-case.js'
import { openCase, replayPair, toRequest } from './replay-case.js'

export interface JudgedPair {
  name: string
  style: string
  kind: string
  routes: string
  /** `hidden`: not to be seen in the statements. */
  label: 'clash' | 'safe' | 'hidden'
  found: boolean
  /** What the replay says. */
  verdict: ReplayReport['verdict']
  ms: number
  firstFailureMs: number | undefined
  /** Fixes that were tried, in their order; empty where nothing was found. */
  fixes: readonly Pick<FixProof, 'held' | 'why' | 'cost'>[]
  fixNames: readonly string[]
}

export interface JudgedCase {
  pairs: readonly JudgedPair[]
  /** Pairs of routes that are reported and that nobody has labelled, and whether a replay confirms them. */
  unlisted: readonly { routes: string; confirmed: boolean }[]
}

const nameRoutes = (one: string, other: string): string => [one, other].toSorted().join(' × ')

/** Observes a case's traffic, replays every labelled pair, and proves fixes for those that were found and fail. */
export async function judgeCase(url: string, given: ClashCase, { fixes = true } = {}): Promise<JudgedCase> {
  const { clashes } = await observeCase(url, given)
  const found = new Map(clashes.map((clash) => [nameRoutes(clash.read.route, clash.other.route), clash]))
  const identify = await loadIdentify()
  const lab = await openCase(url, given)
  try {
    const pairs: JudgedPair[] = []
    for (const pair of given.pairs) {
      const routes = nameRoutes(pair.first[0], pair.second[0])
      const clash = found.get(routes)
      const report = await proveLabel(lab, pair)
      const proofs =
        fixes && clash && report.verdict === 'clash' && pair.hidden === undefined
          ? await proveFixes(
              lab,
              toRequest(pair.first),
              toRequest(pair.second),
              report,
              proposeFixes(clash, identify),
              { pairs: 5 },
            )
          : []
      pairs.push(toJudged(given, pair, routes, clash, report, proofs))
    }
    const listed = new Set(pairs.map(({ routes }) => routes))
    const unlisted: { routes: string; confirmed: boolean }[] = []
    for (const [routes, clash] of found) {
      if (listed.has(routes)) continue
      unlisted.push({ routes, confirmed: await confirm(lab, given, clash) })
    }
    return { pairs, unlisted }
  } finally {
    await lab.close()
  }
}

/** Of one that is safe all interleavings are tried, at most 100; where two wait for each other in circles, those with two turns. */
async function proveLabel(lab: Awaited<ReturnType<typeof openCase>>, pair: LabelledPair): Promise<ReplayReport> {
  if (pair.label === 'clash') return await replayPair(lab, pair)
  try {
    return await replayPair(lab, pair, { exhaustive: true, maxSchedules: 100 })
  } catch (error) {
    if (!isHoldfastError(error, 'HF_CLASH_DEADLINE')) throw error
    return await replayPair(lab, pair)
  }
}

const toJudged = (
  { name, style }: ClashCase,
  { kind, label, hidden }: LabelledPair,
  routes: string,
  clash: Clash | undefined,
  report: ReplayReport,
  proofs: readonly FixProof[],
): JudgedPair => ({
  name,
  style,
  kind,
  routes,
  label: hidden === undefined ? label : 'hidden',
  found: clash !== undefined,
  verdict: report.verdict,
  ms: report.ms,
  firstFailureMs: report.firstFailureMs,
  fixes: proofs.map(({ held, why, cost }) => ({ held, why, cost })),
  fixNames: proofs.map(({ fix }) => fix.name),
})

const MOST_TRIES = 40

/** Tries the inputs that the case has for both routes on each other. */
async function confirm(
  lab: Awaited<ReturnType<typeof openCase>>,
  given: ClashCase,
  { read, other }: Clash,
): Promise<boolean> {
  const calls = [...given.pairs.flatMap(({ first, second }) => [first, second]), ...given.traffic]
  const of = (name: string) => calls.filter(([route]) => route === name)
  let tries = 0
  for (const first of of(read.route))
    for (const second of of(other.route)) {
      if (!isAimed(first, second) || ++tries > MOST_TRIES) continue
      const { verdict } = await replayPair(lab, { first, second }, { preemptions: 1 })
      if (verdict === 'clash') return true
    }
  return false
}

/** They share a value: otherwise they hardly meet. */
function isAimed([, one]: Call, [, other]: Call): boolean {
  const values = new Set(Object.values(one).map(String))
  return values.size === 0 || Object.values(other).some((value) => values.has(String(value)))
}
