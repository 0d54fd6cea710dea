// A process of its own between a client and the server. It holds the read end of a pipe whose write end only the client
// has: whatever ends the client (stop(), exit, a crash, kill -9) closes the pipe, and the guardian then leaves for it.
// So a clean stop and a crash take the same path, and no server is left behind by a client that could not clean up.
import { randomBytes } from 'node:crypto'
import { describeHome, prepareHome, translateFileErrors } from './home.js'
import { joinServer, leaveServer } from './lease.js'
import { identifyProcess, identifySelf } from './processes.js'
import { encodeError, type GuardianReply, type GuardianRequest } from './protocol.js'
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

async function awaitAbort(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

async function guard(pipe: Pipe): Promise<void> {
  const request = await pipe.request
  if (!request) return
  const home = describeHome(request.dir)
  const id = randomBytes(8).toString('hex')
  const client = (await identifyProcess(request.clientPid)) ?? { pid: request.clientPid, start: 'gone' }
  const registration = { id, client, guardian: await identifySelf() }
  try {
    const joined = await translateFileErrors(home.dir, async () => {
      await prepareHome(home)
      return joinServer(home, request, registration, beginPatience(request.startMs, pipe.closed))
    })
    note(`${joined.shared ? 'joined' : 'started'} the server on port ${joined.port} for process ${client.pid}`)
    reply({ ok: true, ...joined })
    await awaitAbort(pipe.closed)
  } catch (error) {
    const wire = encodeError(error)
    if (!pipe.closed.aborted) note(wire.message)
    reply({ ok: false, error: wire })
  }
  note(`process ${client.pid} left: ${await leaveServer(home, id)}`)
}

ignoreSignals()
await guard(watchPipe()).catch((error: unknown) => note(error instanceof Error ? (error.stack ?? '') : String(error)))
// The pipes may still be open on the client's side, which would keep this process alive for nothing.
process.exit(0)
