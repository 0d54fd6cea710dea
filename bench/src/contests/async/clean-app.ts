import { createAdaptorServer } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Work } from '../../harness/types.js'
import { createTables, type RunQuery } from '../watch/app.js'

const FILE_BYTES = 65_536
const REPORT_LINES = 400

interface Opening {
  folder: string
  query: RunQuery
  context: MiddlewareHandler
  tell: () => unknown
  close: () => Promise<void>
}

/** What services do, and none of it blocks. */
export async function openCleanApp({ folder, query, context, tell, close }: Opening): Promise<Work> {
  await createTables(query)
  const file = join(folder, 'page.html')
  await writeFile(file, 'x'.repeat(FILE_BYTES))
  const upstream = createServer((_request, response) => void response.end('{"rate":1.08}'))
  const rates = `http://127.0.0.1:${await listen(upstream)}/rates`
  const app = new Hono()
  app.get('/told', (c) => c.json(tell()))
  app.use(context)
  app.get('/events/:id', async (c) => {
    const id = Number(c.req.param('id'))
    const event = await query('select id, title, place, cents from watched_event where id = $1', [id])
    const seats = await query('select seat, is_free from watched_seat where event_id = $1 order by seat limit 20', [id])
    return c.json({ event: event.rows[0], seats: seats.rows })
  })
  app.get('/venues/:place', async (c) =>
    c.json(
      (
        await query('select id, title from watched_event where place = $1 order by id limit 20', [
          `Hall ${c.req.param('place')}`,
        ])
      ).rows,
    ),
  )
  app.post('/orders', async (c) => {
    const { seats } = await c.req.json<{ seats: { event: number; seat: number }[] }>()
    const [first] = seats
    await query('update watched_seat set is_free = not is_free where event_id = $1 and seat = $2', [
      first?.event,
      first?.seat,
    ])
    return c.json({ taken: seats.length }, 201)
  })
  app.get('/page', async (c) => c.html(await readFile(file, 'utf8')))
  app.get('/later', async (c) => {
    await sleep(5 + Math.random() * 20)
    return c.text('now')
  })
  app.get('/rates', async (c) => c.json((await (await fetch(rates)).json()) as object))
  app.get('/report', (c) =>
    c.json(Array.from({ length: REPORT_LINES }, (_, n) => ({ n, title: `Event ${n}`, cents: n * 45 }))),
  )
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  server.keepAliveTimeout = 0
  const nothing = { operations: 0, seconds: 0, cpuUs: 0 }
  return {
    operations: {},
    measures: { listen: async () => ({ ...nothing, samples: [await listen(server)] }) },
    close: async () => {
      for (const each of [server, upstream]) {
        each.closeAllConnections()
        each.close()
      }
      await close()
    },
  }
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}
