import type { PeerPart, PeerSetting } from '../../harness/peer-contest.js'
import type { Round } from '../../harness/pairs.js'
import { startSubject, type RunningSubject, type SubjectProcess, type SubjectStart } from '../../harness/subjects.js'
import type { BenchDocument, ContestInput, Stretch } from '../../harness/types.js'

export type { PeerPart as Part, PeerSetting as Setting } from '../../harness/peer-contest.js'

export const LANES = 8
/** Of what the bare application can do at most. */
export const LOAD = 0.7

export const HOLDFAST = 'holdfast'
export const CORE = 'holdfast without watch'
export const BARE = 'hono and pg'
export const BARE_AGAIN = 'hono and pg again'
/** The context that telling statements by route needs, and nothing else. */
export const CONTEXT = 'hono and pg in an AsyncLocalStorage'
/** As Node 24 keeps contexts without being asked to. */
export const HOLDFAST_FRAME = 'holdfast with --experimental-async-context-frame'
export const OTEL = 'OpenTelemetry traces'
export const OTEL_METRICS = 'OpenTelemetry metrics'
export const PROM = 'prom-client'

const environments: Readonly<Record<string, Record<string, string>>> = {
  [HOLDFAST_FRAME]: { NODE_OPTIONS: '--experimental-async-context-frame' },
}

const modules: Readonly<Record<string, string>> = {
  [HOLDFAST]: 'watch-holdfast',
  [CORE]: 'watch-core',
  [BARE]: 'watch-bare',
  [BARE_AGAIN]: 'watch-bare',
  [CONTEXT]: 'watch-als',
  [HOLDFAST_FRAME]: 'watch-holdfast',
  [OTEL]: 'watch-otel',
  [OTEL_METRICS]: 'watch-otel-metrics',
  [PROM]: 'watch-prom',
}

export const settings = {
  lanes: LANES,
  load: LOAD,
  [HOLDFAST]: 'connect() and watch() with their defaults, honoContext',
  [OTEL]: 'NodeSDK, http and pg, every span, BatchSpanProcessor with its defaults, an exporter that sends nothing',
  [OTEL_METRICS]: 'NodeSDK, http and pg, OTEL_TRACES_EXPORTER=none, read each 10 s by an exporter that sends nothing',
  [PROM]: 'a histogram by method, route and status, one by query; never scraped',
}

/** A part that needs nothing but a database. */
export function onDatabase(
  measure: (input: Pick<ContestInput, 'url' | 'progress' | 'quick'>) => Promise<Pick<BenchDocument, 'rows' | 'checks'>>,
): PeerPart {
  return async ({ databases, input }) => await measure({ ...input, url: databases.urlOf('all') })
}

export interface Service {
  service: SubjectProcess
  clients: SubjectProcess
}

/** A service and its clients, each in a process of its own. */
export async function startService(
  { execPath, databases }: PeerSetting,
  name: string,
  module = modules[name] as string,
): Promise<Service> {
  const start = async (file: string, target: string, env?: Record<string, string>) =>
    await startSubject(name, new URL(`../../subjects/${file}.js`, import.meta.url), target, LANES, execPath, env)
  const service = await start(module, databases.urlOf('all'), environments[name])
  const { samples: [port] = [] } = await service.run('listen', 0)
  return { service, clients: await start('watch-clients', `http://127.0.0.1:${port}`) }
}

/** `module`: of `subjects/`. Default: the one of that name in this contest. */
export function describeService(setting: PeerSetting, name: string, module?: string): SubjectStart {
  return { name, start: async () => joinService(name, await startService(setting, name, module)) }
}

/** CPU is the service's own. Whoever claims to look must have seen every request by the end. */
export function joinService(name: string, { service, clients }: Service): RunningSubject {
  let requests = 0
  return {
    name,
    run: async (metric, size) => {
      await service.run('begin', 0)
      const { operations, seconds, samples } = await clients.run(metric, size)
      const { cpuUs } = await service.run('end', 0)
      requests += operations
      return { operations, seconds, cpuUs, ...(samples && { samples }) }
    },
    close: async () => {
      const seen = await service.run('report', 0)
      await clients.close()
      await service.close()
      if (seen.operations < requests) throw new Error(`${name} saw ${seen.operations} of ${requests} requests.`)
    },
  }
}

export function cpuOf(round: Round, name: string): number {
  const { cpuUs, operations } = round.get(name) as Stretch
  return cpuUs / operations
}
