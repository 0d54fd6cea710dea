// node main.mjs <url> <none|otel|otel-comments|sentry> <first|last>: does the work, prints what was counted as JSON.
const [url = '', tracer = 'none', order = 'first'] = process.argv.slice(2)

async function startTracing() {
  if (tracer.startsWith('otel')) {
    const { startOtel } = await import('./otel.mjs')
    return startOtel({ comments: tracer === 'otel-comments' })
  }
  if (tracer === 'sentry') return (await import('./sentry.mjs')).startSentry()
  return {
    /** @template T @param {string} _name @param {() => Promise<T>} body */
    inSpan: async (_name, body) => await body(),
    activeSpan: () => undefined,
    report: () => ({ open: [], ended: [] }),
    stop: async () => {},
  }
}

const before = order === 'first' ? await startTracing() : undefined
const holdfast = await import('holdfast')
const tracing = before ?? (await startTracing())
const { runWork } = await import('./work.mjs')
const counts = await runWork(holdfast, url, tracing)
await tracing.stop()
process.stdout.write(JSON.stringify({ ...counts, ...tracing.report() }))
