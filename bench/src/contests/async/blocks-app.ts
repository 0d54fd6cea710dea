import { createAdaptorServer } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Work } from '../../harness/types.js'
import { createTables, type RunQuery } from '../watch/app.js'
import { InputMaker, type Input } from './inputs.js'
import { plantBlocks, type Planted } from './planted.js'

/** What a watcher says of a block. */
export interface Told {
  kind: string
  /** As `file:line`; one that tells a stack has several. */
  places: readonly string[]
  route: string
}

interface Opening {
  folder: string
  query: RunQuery
  context?: MiddlewareHandler
  /** What was told since it was asked last. */
  tell: () => Told[]
  close: () => Promise<void>
}

type Run = (input: Input, query: RunQuery) => unknown

/** hono and node-postgres, fifty routes that block, and some that do not. */
export async function openBlocksApp({ folder, query, context, tell, close }: Opening): Promise<Work> {
  await createTables(query)
  const planted = await plantBlocks(folder)
  const runs = await loadRuns(folder, planted)
  const inputs = new Map<string, Input>()
  const maker = new InputMaker(folder)
  const app = new Hono()
  app.get('/told', (c) => c.json(tell()))
  app.get('/planted', (c) => c.json({ pid: process.pid, planted }))
  // One at a time: a heap that is full of what is to be parsed is no service's.
  app.get('/make/:id/:ms/:scale', async (c) => {
    const { id, ms, scale } = c.req.param()
    const { work } = planted.find((each) => each.id === id) as Planted
    inputs.clear()
    const input = await maker.make(work, Number(ms), Number(scale))
    inputs.set(id, input)
    return c.json({ file: input.file })
  })
  // After those: nobody watches what the bench itself asks.
  if (context) app.use(context)
  app.get('/events/:id', async (c) =>
    c.json((await query('select title from watched_event where id = $1', [Number(c.req.param('id'))])).rows),
  )
  app.get('/venues', async (c) =>
    c.json((await query('select place, count(*) from watched_event group by place', [])).rows),
  )
  addRoutes(app, planted, { runs, inputs, query })
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  // A connection that the server closes while somebody asks over it is an error to no purpose.
  server.keepAliveTimeout = 0
  const nothing = { operations: 0, seconds: 0, cpuUs: 0 }
  return {
    operations: {},
    measures: {
      /** Gives the port. */
      listen: async () => {
        maker.measureAll()
        await once(server.listen(0, '127.0.0.1'), 'listening')
        return { ...nothing, samples: [(server.address() as AddressInfo).port] }
      },
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await close()
    },
  }
}

async function loadRuns(folder: string, planted: readonly Planted[]): Promise<ReadonlyMap<string, Run>> {
  const require = createRequire(join(folder, 'src/main.cjs'))
  const runs = new Map<string, Run>()
  for (const { id, placement, kind, file } of planted) {
    const load = () => {
      if (placement === 'dependency') return require(`busy-dependency/${kind}`) as unknown
      return placement === 'cjs'
        ? (require(join(folder, file)) as unknown)
        : import(pathToFileURL(join(folder, file)).href)
    }
    runs.set(id, ((await load()) as { run: Run }).run)
  }
  return runs
}

interface Parts {
  runs: ReadonlyMap<string, Run>
  inputs: ReadonlyMap<string, Input>
  query: RunQuery
}

function addRoutes(app: Hono, planted: readonly Planted[], { runs, inputs, query }: Parts): void {
  const block = (id: string) => {
    const input = inputs.get(id) as Input
    input.begin()
    const out = (runs.get(id) as Run)(input, query)
    input.end()
    return out
  }
  // Common to several routes: which of them has what it does is not its business.
  app.use('/middleware/*', async (c, next) => {
    block(`middleware-${c.req.path.split('/')[2]}`)
    await next()
  })
  for (const { id, placement, path } of planted) {
    app.get(path, async (c) => {
      const input = inputs.get(id) as Input
      const { rows } = await query('select cents from watched_event where id = $1', [Number(c.req.param('id'))])
      if (placement === 'continuation') await (runs.get(id) as Run)(input, query)
      else if (placement !== 'middleware') block(id)
      return c.json({ rows, ms: input.tookMs })
    })
  }
}
