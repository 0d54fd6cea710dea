import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface CountedServer {
  /** The same URL through it. */
  through(url: string): string
  /** Statements that clients have had executed so far. */
  readonly statements: number
  close(): Promise<void>
}

const EXECUTE = 'E'.charCodeAt(0)
const QUERY = 'Q'.charCodeAt(0)

/** A TCP proxy before one server that counts what is executed. It reads along, so it is for counting, not for timing. */
export async function countStatements(url: string): Promise<CountedServer> {
  const { hostname: host, port } = new URL(url)
  const sockets = new Set<Socket>()
  let statements = 0
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host, port: Number(port), noDelay: true })
    const read = createReader((text) => (statements += text === undefined ? 1 : countTexts(text)))
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => [client, upstream].map((each) => each.destroy()))
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', read)
    client.pipe(upstream)
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    through: (direct) => {
      const copy = new URL(direct)
      copy.hostname = '127.0.0.1'
      copy.port = String((server.address() as AddressInfo).port)
      return copy.href
    },
    get statements() {
      return statements
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A simple query may be several statements. */
function countTexts(text: string): number {
  return text.split(';').filter((each) => each.trim() !== '').length
}

/** Calls back for each statement, with its text where it is a simple query. What a client says first has no type. */
function createReader(onStatement: (text: string | undefined) => void): (chunk: Buffer) => void {
  let [buffer, isStarted]: [Buffer, boolean] = [Buffer.alloc(0), false]
  return (chunk) => {
    buffer = Buffer.concat([buffer, chunk])
    for (;;) {
      const header = isStarted ? 5 : 4
      if (buffer.length < header) return
      const length = buffer.readUInt32BE(header - 4) + header - 4
      if (buffer.length < length) return
      const type = isStarted ? buffer[0] : undefined
      if (type === EXECUTE) onStatement(undefined)
      if (type === QUERY) onStatement(buffer.toString('utf8', header, length - 1))
      isStarted = true
      buffer = buffer.subarray(length)
    }
  }
}
