import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Starts listening. Resolves with the port once connections are taken; rejects with the system's error, such as EADDRINUSE. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** Stops taking connections, lets running requests end for `graceMs`, then cuts what is left (event streams never end). */
export async function closeServer(server: Server, graceMs = 1_000): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(timer)
}

/** Did this fail because another program has the port? */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

export function describePortTaken(port: number): string {
  return [
    `HF_CLI_PORT_TAKEN  PORT ${port} is in use by another program.`,
    `fix: end that program, or choose another port: PORT=${port + 1} npm start`,
  ].join('\n')
}
