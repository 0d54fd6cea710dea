import type { MiddlewareHandler } from 'hono'
import pg from 'pg'
import { createApp, createTables, serveApp, type RunQuery } from '../contests/watch/app.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface Histogram {
  observe(labels: Record<string, string | number>, seconds: number): void
  get(): Promise<{ values: readonly { metricName?: string; value: number }[] }>
}

interface Prometheus {
  Histogram: new (options: { name: string; help: string; labelNames: readonly string[] }) => Histogram
}

/** prom-client as people wire it by hand: a histogram of requests by route, and one of queries. It does not know whose query one was. */
const subject: Subject = {
  open: async (url, lanes) => {
    const { Histogram } = await loadPeer<Prometheus>('prom-client')
    const [ofRequests, ofQueries] = [
      new Histogram({ name: 'http_seconds', help: 'Requests', labelNames: ['method', 'route', 'status'] }),
      new Histogram({ name: 'query_seconds', help: 'Queries', labelNames: ['query'] }),
    ]
    const pool = new pg.Pool({ connectionString: url, max: lanes })
    const query: RunQuery = async (text, values) => {
      const startedAt = performance.now()
      try {
        return await pool.query(text, values)
      } finally {
        ofQueries.observe({ query: text }, (performance.now() - startedAt) / 1_000)
      }
    }
    await createTables(query)
    const close = async () => await pool.end()
    return serveApp(
      createApp(query, timeRequests(ofRequests)),
      close,
      async () => await countAll(ofRequests, ofQueries),
    )
  },
}

function timeRequests(histogram: Histogram): MiddlewareHandler {
  return async (c, next) => {
    const startedAt = performance.now()
    await next()
    const labels = { method: c.req.method, route: c.req.routePath, status: c.res.status }
    histogram.observe(labels, (performance.now() - startedAt) / 1_000)
  }
}

/** Requests; 0 where queries are missing. */
async function countAll(ofRequests: Histogram, ofQueries: Histogram): Promise<number> {
  const [requests, queries] = await Promise.all([count(ofRequests), count(ofQueries)])
  return queries < 2 * requests ? 0 : requests
}

async function count(histogram: Histogram): Promise<number> {
  const { values } = await histogram.get()
  const counts = values.filter(({ metricName }) => metricName?.endsWith('_count'))
  return counts.reduce((sum, { value }) => sum + value, 0)
}

export default subject
