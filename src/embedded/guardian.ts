// A process of its own between a client and the server. It holds the read end of a pipe whose write end only the client
// has: whatever ends the client (stop(), exit, a crash, kill -9) closes the pipe, and the guardian then leaves for it.
// So a clean stop and a crash take the same path, and no server is left behind by a client that could not clean up.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeHome, translateFileErrors, type Home } from './home.js'
import { joinServer, leaveServer } from './lease.js'
import { identifyProcess, identifySelf, nameProcessSpace } from './processes.js'
import { encodeError, type GuardianReply, type GuardianRequest } from './protocol.js'
import { beat, beatMs } from './registrations.js'
import { beginPatience } from './waiting.js'

interface Pipe {
  request: Promise<GuardianRequest | undefined>
  closed: AbortSignal
}

function watchPipe(): Pipe {
  const leaving = new AbortController()
  let text = ''
  const request = new Promise<GuardianRequest | undefined>((resolve) => {
    process.stdin.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      if (text.endsWith('\n')) resolve(JSON.parse(text) as GuardianRequest)
    })
    const leave = () => {
      resolve(undefined)
      leaving.abort(new Error('The client is gone.'))
    }
    for (const event of ['end', 'close', 'error']) process.stdin.on(event, leave)
  })
  return { request, closed: leaving.signal }
}

/** Service managers signal a whole group at once; the guardian has to outlive its client to clean up after it. */
function ignoreSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => note(`ignored ${signal}`))
}

/** stderr is the file guardian.log of the folder. */
function note(what: string): void {
  process.stderr.write(`${new Date().toISOString()} [${process.pid}] ${what}\n`)
}

function reply(answer: GuardianReply): void {
  // The client may be gone already; then nobody needs the answer.
  process.stdout.on('error', () => undefined)
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

/** Gives signs of life until the client is gone. */
async function stay(home: Home, id: string, closed: AbortSignal): Promise<void> {
  while (!closed.aborted) {
    // The wait rejects when the client leaves, which is what it waits for.
    await sleep(beatMs, undefined, { signal: closed }).catch(() => undefined)
    if (!closed.aborted) await beat(home, id)
  }
}

async function guard(home: Home, pipe: Pipe): Promise<void> {
  const id = randomBytes(8).toString('hex')
  const request = await pipe.request
  // A client that failed to start has nothing to leave. One that died meanwhile is different: the server may have lost
  // its other guardian too, so we look whether anybody is left.
  if (request && !(await join(home, id, request, pipe)) && !pipe.closed.aborted) return
  await stay(home, id, pipe.closed)
  note(`process ${request?.clientPid} left: ${await leaveServer(home, id)}`)
}

async function join(home: Home, id: string, request: GuardianRequest, pipe: Pipe): Promise<boolean> {
  const client = (await identifyProcess(request.clientPid)) ?? { pid: request.clientPid, start: 'gone' }
  const registration = { id, client, guardian: await identifySelf(), space: await nameProcessSpace() }
  const patience = beginPatience(request.startMs, pipe.closed)
  try {
    const joined = await translateFileErrors(home.dir, () => joinServer(home, request, registration, patience))
    note(`${joined.shared ? 'joined' : 'started'} the server on port ${joined.port} for process ${client.pid}`)
    reply({ ok: true, ...joined })
    return true
  } catch (error) {
    const wire = encodeError(error)
    note(pipe.closed.aborted ? `process ${client.pid} gave up` : wire.message)
    reply({ ok: false, error: wire })
    return false
  }
}

ignoreSignals()
await guard(describeHome(process.argv[2] ?? ''), watchPipe()).catch((error: unknown) =>
  note(error instanceof Error ? (error.stack ?? '') : String(error)),
)
// The pipes may still be open on the client's side, which would keep this process alive for nothing.
process.exit(0)
