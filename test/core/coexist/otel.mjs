// OpenTelemetry as its documentation sets it up for ES modules, with a processor that counts instead of exporting.
import { register } from 'node:module'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

/** @param {{ comments?: boolean }} options */
export function startOtel({ comments = false }) {
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
  /** @type {{ name: string, text: unknown, failed: boolean, parent: string | undefined }[]} */
  const ended = []
  /** @type {Map<string, string>} */
  const open = new Map()
  const processor = {
    /** @param {import('@opentelemetry/sdk-trace-node').Span} span */
    onStart: (span) => void open.set(span.spanContext().spanId, span.name),
    /** @param {import('@opentelemetry/sdk-trace-node').ReadableSpan} span */
    onEnd: (span) => {
      open.delete(span.spanContext().spanId)
      ended.push({
        name: span.name,
        text: span.attributes['db.query.text'] ?? span.attributes['db.statement'],
        failed: span.status.code === SpanStatusCode.ERROR,
        parent: span.parentSpanContext?.spanId,
      })
    },
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
    report: () => ({ open: [...open.values()], ended }),
    stop: async () => await provider.shutdown(),
  }
}
