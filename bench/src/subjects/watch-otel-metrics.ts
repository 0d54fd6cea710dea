import type { Subject } from '../harness/types.js'
import { countPoints, loadOtel, openInstrumented, type ResourceMetrics } from '../contests/watch/otel.js'

/** OpenTelemetry's metrics of http and node-postgres alone: its traces are turned off as its documentation says. */
const subject: Subject = {
  open: async (url, lanes) => {
    process.env['OTEL_TRACES_EXPORTER'] = 'none'
    const { NodeSDK, metrics, instrumentations } = await loadOtel()
    let requests = 0
    const exporter = {
      export: (batch: ResourceMetrics, done: (result: { code: number }) => void) => {
        requests = countPoints(batch, /^http\.server\..*duration$/)
        // One that says nothing of statements would be cheap.
        if (countPoints(batch, /^db\.client\.operation\.duration$/) < requests) requests = 0
        done({ code: 0 })
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    }
    const reader = new metrics.PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 10_000 })
    const sdk = new NodeSDK({ metricReaders: [reader], instrumentations: instrumentations() })
    const report = async () => {
      await reader.forceFlush()
      return requests
    }
    return await openInstrumented(sdk, { url, lanes, report })
  },
}

export default subject
