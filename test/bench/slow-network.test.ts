import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SlowNetwork } from '../../bench/src/harness/slow-network.js'

const RTT_MS = 20
const LAST = '!'
let server: Server
let network: SlowNetwork

beforeAll(async () => {
  // It echoes, and hangs up after the last.
  server = createServer((socket) => {
    socket.on('data', (chunk) => (String(chunk).includes(LAST) ? socket.end(chunk) : socket.write(chunk)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // The built one: it forks its neighbour.
  const { startSlowNetwork } = (await import(
    new URL('../../bench/dist/harness/slow-network.js', import.meta.url).href
  )) as typeof import('../../bench/src/harness/slow-network.js')
  network = await startSlowNetwork(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, RTT_MS)
})

afterAll(async () => {
  await network.close()
  server.close()
})

test('every answer comes later, in order, and a closed connection after the last of them', async () => {
  const { hostname, port } = new URL(network.through('tcp://somewhere:1'))
  const socket = connect(Number(port), hostname)
  const startedAt = performance.now()
  const sent = Array.from({ length: 200 }, (_, n) => `${n};`).join('') + LAST
  for (const part of sent.match(/.{1,7}/g) as string[]) socket.write(part)
  let received = ''
  let firstAt = 0
  socket.on('data', (chunk) => {
    if (firstAt === 0) firstAt = performance.now()
    received += String(chunk)
  })
  await once(socket, 'close')
  expect(received).toBe(sent)
  expect(firstAt - startedAt).toBeGreaterThanOrEqual(RTT_MS - 1)
  expect(await network.readCpu()).toBeGreaterThan(0)
})
