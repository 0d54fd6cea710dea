// One case of a set as an application of its own, which knows nothing of a replay: `node app-server.js <number of the case>`.

import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { knownCases } from './sets/known/index.js'

const given = knownCases[Number(process.argv[2])]
const { DATABASE_URL: url, PORT: port } = process.env
if (given === undefined || url === undefined) throw new Error('A number of a case, and DATABASE_URL.')
const app = await given.open(url)

interface Call {
  route: string
  input: Readonly<Record<string, unknown>>
}

createServer((request, response) => {
  void answer(request)
    .catch(() => 500)
    .then((status) => response.writeHead(status).end())
}).listen(Number(port), '127.0.0.1')

async function answer(request: NodeJS.ReadableStream): Promise<number> {
  const { route, input } = JSON.parse(await text(request)) as Call
  return (await app.call(route, input)).status
}
