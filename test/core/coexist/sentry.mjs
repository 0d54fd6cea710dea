// Sentry with tracing on, and a transport that keeps what it would have sent.
import * as Sentry from '@sentry/node'

export function startSentry() {
  /** @type {{ name: string, text: unknown, failed: boolean, parent: string | undefined }[]} */
  const ended = []
  /** @type {Map<string, string>} */
  const open = new Map()
  const client = Sentry.init({
    dsn: 'https://key@localhost.invalid/1',
    tracesSampleRate: 1,
    transport: () => ({ send: async () => ({ statusCode: 200 }), flush: async () => true }),
  })
  client?.on('spanStart', (span) => {
    // A placeholder that records nothing is never ended, by design.
    if (span.isRecording()) open.set(span.spanContext().spanId, Sentry.spanToJSON(span).name)
  })
  client?.on('spanEnd', (span) => {
    const { name, attributes, status, parent_span_id: parent } = Sentry.spanToJSON(span)
    open.delete(span.spanContext().spanId)
    const text = attributes['db.query.text'] ?? attributes['db.statement']
    ended.push({ name, text, failed: status !== undefined && status !== 'ok', parent })
  })
  return {
    /** @template T @param {string} name @param {() => Promise<T>} body @returns {Promise<T>} */
    inSpan: async (name, body) => await Sentry.startSpan({ name, op: 'test' }, async () => await body()),
    activeSpan: () => Sentry.getActiveSpan()?.spanContext().spanId,
    report: () => ({ open: [...open.values()], ended }),
    stop: async () => void (await Sentry.close(500)),
  }
}
