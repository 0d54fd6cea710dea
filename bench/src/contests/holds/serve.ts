import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

export type Route = (request: Request) => Promise<Response>

/** Serves by path, each route as a framework on the Fetch API would call it. */
export function serveRoutes(routes: Readonly<Record<string, Route>>): Server {
  return createServer((incoming, outgoing) => {
    const route = routes[incoming.url ?? '']
    const answered = route ? answer(route, incoming, outgoing) : Promise.reject(new Error(`No route ${incoming.url}`))
    answered.catch((error: unknown) => {
      process.stderr.write(`${(error as Error).stack}\n`)
      outgoing.writeHead(500).end()
    })
  })
}

async function answer(route: Route, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = 'GET', url, headers } = incoming
  const request = new Request(`http://${headers.host}${url}`, {
    method,
    headers: headers as Record<string, string>,
    body: Buffer.concat(chunks),
  })
  const response = await route(request)
  const body = Buffer.from(await response.arrayBuffer())
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), 'content-length': body.length })
  outgoing.end(body)
}
