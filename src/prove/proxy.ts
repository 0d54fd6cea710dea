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
  /** The connections that are open now fall silent for good and nobody is told; later ones work. */
  freeze(): void
  /** Cuts the connection of the next COMMIT: before the server gets it, or after, with its answer withheld. */
  cutNextCommit(when: 'before' | 'after'): void
  /** Later connections go there: the server came back elsewhere. */
  redirect(target: { host: string; port: number }): void
  close: () => Promise<void>
}

/** A TCP proxy on loopback that counts round trips, adds latency, and breaks connections on demand. */
export async function startProxy({ host, port, rttMs = 0 }: ProxyOptions): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const frozen = new WeakSet<Socket>()
  const state = {
    target: { host, port },
    bursts: 0,
    stalled: false,
    held: [] as (() => void)[],
    commitCuts: [] as ('before' | 'after')[],
  }
  const server = createServer((client) => joinUpstream(client))

  function joinUpstream(client: Socket): void {
    const upstream = connect({ ...state.target, noDelay: true })
    client.setNoDelay(true)
    let isServersTurn = true
    let hidesAnswer = false
    client.on('data', (chunk) => {
      if (frozen.has(client)) return
      if (isServersTurn) state.bursts++
      isServersTurn = false
      const cut = state.commitCuts.length > 0 && isCommit(chunk) ? state.commitCuts.shift() : undefined
      if (cut === 'before') return void client.destroy()
      hidesAnswer ||= cut === 'after'
      forward(upstream, chunk)
    })
    upstream.on('data', (chunk) => {
      isServersTurn = true
      if (hidesAnswer) client.destroy()
      else forward(client, chunk)
    })
    tie(client, upstream)
    tie(upstream, client)
  }

  function tie(from: Socket, to: Socket): void {
    sockets.add(from)
    from.on('error', () => frozen.has(from) || to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      // Of a frozen connection no end is told anything, not even that the other one has gone.
      if (!frozen.has(from)) to.destroy()
    })
  }

  function forward(to: Socket, chunk: Buffer): void {
    if (frozen.has(to)) return
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
    freeze: () => {
      for (const socket of sockets) frozen.add(socket)
    },
    cutNextCommit: (when) => void state.commitCuts.push(when),
    redirect: (target) => void (state.target = target),
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

/** A simple query `commit`, as a transaction of ours ends. */
function isCommit(chunk: Buffer): boolean {
  return chunk.includes('commit\0')
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
