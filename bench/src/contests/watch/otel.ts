import { createRequire } from 'node:module'
import { loadPeer } from '../../harness/load-peer.js'
import type { Work } from '../../harness/types.js'

interface Sdk {
  start(): void
  shutdown(): Promise<void>
}

/** Cumulative: each export has all that was counted since the start. */
export interface ResourceMetrics {
  scopeMetrics: readonly {
    metrics: readonly { descriptor: { name: string }; dataPoints: readonly { value: { count?: number } }[] }[]
  }[]
}

interface SdkFace {
  NodeSDK: new (options: object) => Sdk
}

interface MetricsFace {
  PeriodicExportingMetricReader: new (options: object) => { forceFlush(): Promise<void> }
}

export async function loadOtel() {
  const { NodeSDK } = await loadPeer<SdkFace>('@opentelemetry/sdk-node')
  const metrics = await loadPeer<MetricsFace>('@opentelemetry/sdk-metrics')
  const { HttpInstrumentation } = await loadPeer<{ HttpInstrumentation: new () => object }>(
    '@opentelemetry/instrumentation-http',
  )
  const { PgInstrumentation } = await loadPeer<{ PgInstrumentation: new () => object }>(
    '@opentelemetry/instrumentation-pg',
  )
  return { NodeSDK, metrics, instrumentations: () => [new HttpInstrumentation(), new PgInstrumentation()] }
}

interface Opening {
  url: string
  lanes: number
  report: () => Promise<number>
}

/**
 * The bare application, loaded after the SDK has started. What it instruments is required first: it patches what `require`
 * gives, and an `import` of the same module then has the patched one, without the cost of its loader's hooks.
 */
export async function openInstrumented(sdk: Sdk, { url, lanes, report }: Opening): Promise<Work> {
  sdk.start()
  const require = createRequire(import.meta.url)
  for (const name of ['http', 'pg', 'pg-pool']) require(name)
  const { openBare } = await import('./bare.js')
  return await openBare(url, lanes, {
    report,
    close: async () => await sdk.shutdown(),
  })
}

export function countPoints({ scopeMetrics }: ResourceMetrics, name: RegExp): number {
  return scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .filter(({ descriptor }) => name.test(descriptor.name))
    .flatMap(({ dataPoints }) => dataPoints)
    .reduce((sum, { value }) => sum + (value.count ?? 0), 0)
}
