// The clients, a process of its own: a closed loop of requests, each with an id that is used once.
import { Agent, request } from 'node:http'
import { Tally, wait } from '../invariants.js'
import { Answer, ANSWER_MS, chooseKind, type ClientMessage } from './protocol.js'

const CONCURRENCY = 32
/** Without a pause after a failure an outage of a second would use up thousands of requests. */
const PAUSE_MS = 50
const GIVE_UP_MS = 30_000

interface Reply {
  status: number
  body: string
}

const port = Number(process.env['CHAOS_PORT'])
const count = Number(process.env['CHAOS_COUNT'])
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })
const answers = new Uint8Array(count)
const codes = new Tally()
const acknowledged: number[] = []
const state = { next: 0, done: 0, late: 0, slowestMs: 0 }

function tell(message: ClientMessage): void {
  process.send?.(message)
}

async function call(method: string, path: string): Promise<Reply> {
  return await new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, agent, timeout: GIVE_UP_MS }, (incoming) => {
      let body = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => (body += chunk))
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }))
      incoming.on('error', reject)
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')))
    outgoing.on('error', reject)
    outgoing.end()
  })
}

async function send(id: number): Promise<Answer> {
  const kind = chooseKind(id)
  if (kind === 'order') return judge(await call('POST', `/orders/${id}`))
  if (kind === 'note') return judge(await call('POST', `/notes/${id}`))
  const known = acknowledged[id % Math.max(1, acknowledged.length)]
  if (known === undefined) return Answer.done
  const reply = await call('GET', `/orders/${known}`)
  // An order that was acknowledged is there, whatever has happened to the server since.
  return reply.status === 404 ? Answer.wrong : judge(reply)
}

function judge({ status, body }: Reply): Answer {
  if (status >= 200 && status < 300) return Answer.done
  const { code = `status ${status}` } = JSON.parse(body) as { code?: string }
  codes.add(code)
  return code === 'HF_TX_OUTCOME_UNKNOWN' ? Answer.unknown : Answer.failed
}

async function perform(id: number): Promise<void> {
  const started = performance.now()
  const answer = await send(id).catch((error: unknown) => {
    codes.add(String(error))
    return Answer.none
  })
  const ms = performance.now() - started
  answers[id] = answer
  if (answer === Answer.done && chooseKind(id) === 'order') acknowledged.push(id)
  state.slowestMs = Math.max(state.slowestMs, ms)
  if (ms > ANSWER_MS) state.late++
  state.done++
  if (answer !== Answer.done) await wait(PAUSE_MS)
}

async function work(): Promise<void> {
  while (state.next < count) await perform(state.next++)
}

process.on('disconnect', () => process.exit(0))
const ticker = setInterval(() => tell({ type: 'progress', done: state.done }), 20)
await Promise.all(Array.from({ length: CONCURRENCY }, work))
clearInterval(ticker)
const { late, slowestMs } = state
tell({ type: 'finished', answers: Buffer.from(answers).toString('base64'), codes: codes.toRecord(), late, slowestMs })
