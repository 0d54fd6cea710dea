import { createAdaptorServer } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Work } from '../../harness/types.js'

/** Runs a statement the way the subject does. */
export type RunQuery = (text: string, values: unknown[]) => Promise<{ rows: unknown[] }>

export const EVENTS = 1_000
export const ROUTE = 'GET /events/:id'

/** What its routes read: small, so that what is measured is the way there. */
export async function createTables(query: RunQuery): Promise<void> {
  await query('create table if not exists watched_event (id int primary key, title text, place text, cents int)', [])
  await query(
    'create table if not exists watched_seat (event_id int, seat int, is_free bool, primary key (event_id, seat))',
    [],
  )
  await query(
    `insert into watched_event select n, 'Event ' || n, 'Hall ' || n % 20, 4500 from generate_series(1, $1::int) n on conflict do nothing`,
    [EVENTS],
  )
  await query(
    `insert into watched_seat select n, s, s % 3 = 0 from generate_series(1, $1::int) n, generate_series(1, 20) s on conflict do nothing`,
    [EVENTS],
  )
}

/** An application of hono and node-postgres: one route, two queries. */
export function createApp(query: RunQuery, context?: MiddlewareHandler): Hono {
  const app = new Hono()
  if (context) app.use(context)
  app.get('/events/:id', async (c) => {
    const id = Number(c.req.param('id'))
    const event = await query('select id, title, place, cents from watched_event where id = $1', [id])
    const seats = await query('select seat, is_free from watched_seat where event_id = $1 order by seat limit 20', [id])
    return c.json({ event: event.rows[0], seats: seats.rows })
  })
  return app
}

/**
 * `listen` gives the port, `begin` and `end` the CPU between them, `report` how much whoever looks has recorded: at least
 * one thing for each request, or what was measured is somebody who does not look.
 */
export function serveApp(app: Hono, closeRest: () => Promise<void>, report?: () => Promise<number>): Work {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  // Between two turns a client's connection lies idle, and one that the server closes just then is an error to no purpose.
  server.keepAliveTimeout = 0
  let cpu = process.cpuUsage()
  const nothing = { operations: 0, seconds: 0, cpuUs: 0 }
  return {
    operations: {},
    measures: {
      listen: async () => {
        await once(server.listen(0, '127.0.0.1'), 'listening')
        return { ...nothing, samples: [(server.address() as AddressInfo).port] }
      },
      begin: async () => {
        cpu = process.cpuUsage()
        return await Promise.resolve(nothing)
      },
      end: async () => {
        const { user, system } = process.cpuUsage(cpu)
        return await Promise.resolve({ ...nothing, cpuUs: user + system })
      },
      report: async () => ({ ...nothing, operations: (await report?.()) ?? Number.MAX_SAFE_INTEGER }),
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await closeRest()
    },
  }
}
