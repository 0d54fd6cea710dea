// The payment provider: a process and a database of its own. It declines, fails before and after its effect, is slow, gives
// no answer; it is killed and comes back. Calls come with keys (holdfast/idempotency).
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createIdempotency } from 'holdfast/idempotency'
import { createRandom } from 'holdfast/prove'
import type { Tx } from 'holdfast'
import { wait } from '../invariants.js'
import { logger, openDb } from '../program.js'
import type { ProviderOptions } from './protocol.js'

interface Order {
  /** Of the payment: the key of its authorisation. */
  payment: string
  saga: string
  cents: number
}

interface Answer {
  status: number
  body: object
}

const { url, port, seed } = JSON.parse(process.argv[2] ?? '{}') as ProviderOptions
const random = createRandom(seed)
const db = await openDb(url, { pool: { max: 8 }, deadlineMs: 5_000, txDeadlineMs: 10_000 })
const idempotency = createIdempotency(db, { logger })

const effects: Record<string, (tx: Tx, order: Order) => Promise<Answer>> = {
  '/authorise': authorise,
  '/capture': capture,
  '/void': cancel,
}

async function authorise(tx: Tx, { payment, saga, cents }: Order): Promise<Answer> {
  const state = random() < 0.05 ? 'declined' : 'authorised'
  const [row] = await tx.sql<{ state: string }>`
    insert into payments (key, saga, cents, state) values (${payment}, ${saga}, ${cents}, ${state})
    on conflict (key) do nothing returning state`
  // It was voided before it came: nobody waits for it any more.
  if (row === undefined) return { status: 409, body: { refused: 'voided' } }
  return row.state === 'declined' ? { status: 402, body: { refused: 'declined' } } : { status: 201, body: { payment } }
}

async function capture(tx: Tx, { payment }: Order): Promise<Answer> {
  const rows =
    await tx.sql`update payments set state = 'captured' where key = ${payment} and state = 'authorised' returning key`
  return rows.length === 1 ? { status: 201, body: { payment } } : { status: 409, body: { refused: 'not authorised' } }
}

/** Also of one that has not come yet: it is refused when it does. */
async function cancel(tx: Tx, { payment, saga, cents }: Order): Promise<Answer> {
  await tx.sql`insert into payments (key, saga, cents, state) values (${payment}, ${saga}, ${cents}, 'voided')
    on conflict (key) do update set state = case when payments.state = 'declined' then 'declined' else 'voided' end`
  return { status: 200, body: {} }
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const order = JSON.parse(Buffer.concat(chunks).toString()) as Order
  const path = request.url ?? ''
  const dice = random()
  if (dice < 0.04) return send(response, { status: 503, body: {} })
  if (dice < 0.15) await wait(random() * 60)
  const call = { scope: path, key: String(request.headers['idempotency-key']), input: order }
  const { value } = await idempotency.run(call, async (tx) => await (effects[path] as typeof cancel)(tx, order))
  // Done, and nobody hears of it.
  if (dice > 0.98) return
  send(response, dice > 0.95 ? { status: 502, body: {} } : value)
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const server = createServer((request, response) => {
  handle(request, response).catch(() => send(response, { status: 500, body: {} }))
})
server.listen(port, '127.0.0.1')
process.on('message', () => process.exit(0))
