import type TS from 'typescript-5'
import { CallGraph, type Way } from './call-graph.js'
import { identify, tellTwinsApart } from './identity.js'
import { openProject, type Project } from './project.js'
import { CallResolver } from './resolve-call.js'
import { findEntries } from './routes/entries.js'
import { findAwaitsInLoops } from './rules/await-in-loop.js'
import { findBusyLoops } from './rules/busy-loops.js'
import { findFloatingPromises } from './rules/floating-promises.js'
import { findLayerBreaks } from './rules/layering.js'
import { findLostUpdates } from './rules/lost-updates.js'
import { findMisusedPromises } from './rules/misused-promises.js'
import { runRules, type ScanContext, type Spot } from './rules/rule.js'
import { findSyncCalls } from './rules/sync-calls.js'
import { findTransactionFaults } from './rules/transactions.js'
import { indexSources, type SourceFunction } from './source-index.js'
import { suppress } from './suppressions.js'
import type { ChainStep, ScanOptions, ScanReport, SourceFinding } from './types.js'

const rules = [
  findBusyLoops,
  findFloatingPromises,
  findMisusedPromises,
  findLostUpdates,
  findTransactionFaults,
  findAwaitsInLoops,
  findLayerBreaks,
]

/**
 * Reads the source of a server and tells what will hurt it under load. Nothing of it is run. The compiler works
 * synchronously for seconds: call it in a process or a worker of its own, never beside requests.
 * @throws HF_DOCTOR_COMPILER_MISSING, HF_DOCTOR_TARGET, HF_DOCTOR_CONFIG
 */
export async function scanSource(options: ScanOptions): Promise<ScanReport> {
  const started = performance.now()
  const project = await openProject(options.target)
  const index = indexSources(project)
  const resolver = new CallResolver(project, index)
  const { entries, registrations, routes } = findEntries(project, index, resolver)
  const graph = new CallGraph(project, index, resolver, entries, registrations)
  const context: ScanContext = { project, index, resolver, graph, options }
  const spots = [...findSyncCalls(context), ...runRules(context, rules)]
  const all = tellTwinsApart(spots.map((spot) => describe(context, spot)).sort(compare))
  const { findings, suppressed, complaints } = suppress(project, all)
  const figures = {
    files: project.files.length,
    routes,
    entries: entries.length,
    reached: graph.reached.size,
    ...graph.figures,
    suppressed,
    seconds: Math.round((performance.now() - started) / 10) / 100,
  }
  return { target: options.target, findings, figures, complaints }
}

function describe({ project, index }: ScanContext, spot: Spot): SourceFinding {
  const { rule, severity, node, way, sentence, fix } = spot
  const labels = way?.entries.map(({ label }) => label) ?? []
  return {
    id: identify(project, index, rule, node),
    rule,
    severity,
    ...placeOf(project, node),
    routes: [...new Set(labels)],
    chain: way === undefined ? [] : describeChain(project, way, node),
    sentence,
    fix,
    docs: `docs/doctor.md#${rule.slice('doctor/'.length)}`,
  }
}

/** The route, the functions that have a name, the place. A callback without one is a part of the function around it. */
function describeChain(project: Project, { entries, edges }: Way, node: TS.Node): ChainStep[] {
  const [entry] = entries
  if (entry === undefined) return []
  const first = { label: entry.label, ...placeOf(project, entry.site), isGuess: false }
  const handler = entry.fn.name === '' ? [] : [describeFunction(project, entry.fn, false)]
  const steps = edges
    .filter(({ to, from }) => to.name !== '' && to !== from)
    .map(({ to, isGuess }) => describeFunction(project, to, isGuess))
  const text = node.getText().split('\n')[0] as string
  const label = text.length > 60 ? `${text.slice(0, 59)}…` : text
  return [first, ...handler, ...steps, { label, ...placeOf(project, node), isGuess: false }]
}

function describeFunction(project: Project, fn: SourceFunction, isGuess: boolean): ChainStep {
  const named = 'name' in fn.node && fn.node.name !== undefined ? fn.node.name : fn.node
  return { label: fn.name, ...placeOf(project, named), isGuess }
}

function placeOf(project: Project, node: TS.Node): { file: string; line: number; column: number } {
  const file = node.getSourceFile()
  const { line, character } = file.getLineAndCharacterOfPosition(node.getStart())
  return { file: project.showPath(file.fileName), line: line + 1, column: character + 1 }
}

const weights = { act: 0, watch: 1, info: 2 } as const

function compare(a: SourceFinding, b: SourceFinding): number {
  return (
    weights[a.severity] - weights[b.severity] ||
    a.file.localeCompare(b.file) ||
    a.line - b.line ||
    a.column - b.column ||
    a.rule.localeCompare(b.rule)
  )
}
