import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface ProxyOptions {
  /** Where the connections really go. */
  host: string
  port: number
  /** Added to a round trip, half in each direction. Default: 0 ms. */
  rttMs?: number
}

export interface Proxy {
  port: number
  /** Client bursts: runs of bytes from clients between two answers of the server. One burst is one round trip. */
  bursts(): number
  /** Cuts every open connection; later ones are made again. */
  cut(): void
  /** While stalled, nothing passes in either direction: a half-open network. */
  stall(on: boolean): void
  close: () => Promise<void>
}

/** A TCP proxy on loopback that counts round trips, adds latency, and breaks connections on demand. */
export async function startProxy({ host, port, rttMs = 0 }: ProxyOptions): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const state = { bursts: 0, stalled: false, held: [] as (() => void)[] }
  const server = createServer((client) => joinUpstream(client))

  function joinUpstream(client: Socket): void {
    const upstream = connect({ host, port, noDelay: true })
    client.setNoDelay(true)
    let isServersTurn = true
    client.on('data', (chunk) => {
      if (isServersTurn) state.bursts++
      isServersTurn = false
      forward(upstream, chunk)
    })
    upstream.on('data', (chunk) => {
      isServersTurn = true
      forward(client, chunk)
    })
    tie(client, upstream)
    tie(upstream, client)
  }

  function tie(from: Socket, to: Socket): void {
    sockets.add(from)
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }

  function forward(to: Socket, chunk: Buffer): void {
    if (state.stalled) return void state.held.push(() => to.write(chunk))
    if (rttMs === 0) to.write(chunk)
    else setTimeout(() => to.destroyed || to.write(chunk), rttMs / 2)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    bursts: () => state.bursts,
    cut,
    stall: (on) => {
      state.stalled = on
      if (!on) for (const release of state.held.splice(0)) release()
    },
    close: async () => {
      cut()
      await closeServer(server)
    },
  }
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

/** The same database URL through a proxy. */
export function throughProxy(url: string, proxy: Proxy): string {
  const copy = new URL(url)
  copy.hostname = '127.0.0.1'
  copy.port = String(proxy.port)
  return copy.href
}
