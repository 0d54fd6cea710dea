import type { Subject } from '../harness/types.js'
import { loadOtel, openInstrumented } from '../contests/watch/otel.js'

/** OpenTelemetry's traces of http and node-postgres: every span, in batches, to an exporter that counts and sends nothing. */
const subject: Subject = {
  open: async (url, lanes) => {
    const { NodeSDK, instrumentations } = await loadOtel()
    let spans = 0
    const traceExporter = {
      export: (batch: readonly unknown[], done: (result: { code: number }) => void) => {
        spans += batch.length
        done({ code: 0 })
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    }
    const sdk = new NodeSDK({ traceExporter, instrumentations: instrumentations() })
    return await openInstrumented(sdk, { url, lanes, report: async () => await Promise.resolve(spans) })
  },
}

export default subject
