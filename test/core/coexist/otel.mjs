// OpenTelemetry as its documentation sets it up for ES modules, with a processor that counts instead of exporting.
import { register } from 'node:module'
import { context, trace } from '@opentelemetry/api'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

/** @param {{ comments?: boolean }} options */
export function startOtel({ comments = false }) {
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
  /** @type {{ name: string, text: unknown, failed: boolean, parent: string | undefined }[]} */
  const ended = []
  let started = 0
  const processor = {
    onStart: () => void started++,
    /** @param {import('@opentelemetry/sdk-trace-node').ReadableSpan} span */
    onEnd: (span) =>
      void ended.push({
        name: span.name,
        text: span.attributes['db.query.text'] ?? span.attributes['db.statement'],
        failed: span.status.code === 2,
        parent: span.parentSpanContext?.spanId,
      }),
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const provider = new NodeTracerProvider({ spanProcessors: [processor] })
  provider.register()
  registerInstrumentations({
    tracerProvider: provider,
    instrumentations: [
      new HttpInstrumentation(),
      new PgInstrumentation({ addSqlCommenterCommentToQueries: comments, enhancedDatabaseReporting: true }),
    ],
  })
  const tracer = trace.getTracer('coexist')
  return {
    /** @template T @param {string} name @param {() => Promise<T>} body @returns {Promise<T>} */
    inSpan: async (name, body) =>
      await tracer.startActiveSpan(name, async (span) => {
        try {
          return await body()
        } finally {
          span.end()
        }
      }),
    activeSpan: () => trace.getSpan(context.active())?.spanContext().spanId,
    report: () => ({ started, ended }),
    stop: async () => await provider.shutdown(),
  }
}
