import { createHash, randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Below the ranges from which systems take the local ports of outgoing connections, so that a browser's connection
// does not sit on the port of the last run and change the URL.
const lowest = 20_000
const count = 12_000

/** Ports to try, best first: the last run's, then one that belongs to the folder's path, then any. */
export async function* proposePorts(dir: string, last: number | undefined): AsyncGenerator<number> {
  const own = lowest + (createHash('sha256').update(dir).digest().readUInt32BE(0) % count)
  if (last !== undefined && (await isFree(last))) yield last
  if (own !== last && (await isFree(own))) yield own
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = lowest + randomInt(count)
    if (await isFree(port)) yield port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
