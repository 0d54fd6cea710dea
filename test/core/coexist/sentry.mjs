// Sentry with tracing on, and a transport that keeps what it would have sent.
import * as Sentry from '@sentry/node'

export function startSentry() {
  /** @type {{ name: string, text: unknown, failed: boolean, parent: string | undefined }[]} */
  const ended = []
  let started = 0
  const client = Sentry.init({
    dsn: 'https://key@localhost.invalid/1',
    tracesSampleRate: 1,
    transport: () => ({ send: async () => ({ statusCode: 200 }), flush: async () => true }),
  })
  client?.on('spanStart', () => void started++)
  client?.on('spanEnd', (span) => {
    const { description, data, status, parent_span_id: parent } = Sentry.spanToJSON(span)
    const text = data['db.query.text'] ?? data['db.statement']
    ended.push({ name: description ?? '', text, failed: status !== undefined && status !== 'ok', parent })
  })
  return {
    /** @template T @param {string} name @param {() => Promise<T>} body @returns {Promise<T>} */
    inSpan: async (name, body) => await Sentry.startSpan({ name, op: 'test' }, async () => await body()),
    activeSpan: () => Sentry.getActiveSpan()?.spanContext().spanId,
    report: () => ({ started, ended }),
    stop: async () => void (await Sentry.close(500)),
  }
}
