import { createServer, type RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { Crowd } from '../../example/src/traffic/actions.js'
import { createTrafficClient } from '../../example/src/traffic/client.js'
import { generateTraffic } from '../../example/src/traffic/generator.js'
import { Recorder } from '../../example/src/traffic/recorder.js'
import { planArrivals, type Arrival } from '../../example/src/traffic/schedule.js'
import { closeServer, listen } from '../../example/src/utils/listen.js'
import { createRandom } from '../../example/src/utils/random.js'

const plan = (perSecond: number, seconds: number, seed = 1) => [
  ...planArrivals({ perSecond, seconds, random: createRandom(seed) }),
]

async function openServer(handler: RequestListener) {
  const server = createServer(handler)
  const url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`
  return { url, close: () => closeServer(server, 0) }
}

function spin(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

describe('the schedule', () => {
  test('is fixed by its seed and has the rate and spread of a Poisson process', () => {
    expect(plan(100, 5)).toEqual(plan(100, 5))
    expect(plan(100, 5)).not.toEqual(plan(100, 5, 2))
    const arrivals = plan(200, 100)
    expect(arrivals.length / 100).toBeCloseTo(200, -1)
    const perSecond = Array.from(
      { length: 100 },
      (_, second) => arrivals.filter(({ atMs }) => Math.floor(atMs / 1000) === second).length,
    )
    // Variance equals the mean; a metronome would have none.
    const variance = perSecond.reduce((sum, count) => sum + (count - 200) ** 2, 0) / 100
    expect(variance).toBeGreaterThan(100)
    expect(variance).toBeLessThan(350)
    expect(arrivals.filter(({ kind }) => kind === 'browse').length / arrivals.length).toBeCloseTo(0.35, 1)
  })
})

describe('the generator', () => {
  test('a stalled server does not lower the offered rate; what is not sent is counted', async () => {
    let received = 0
    const server = await openServer(() => void received++)
    const client = createTrafficClient(server.url, 400)
    const recorder = new Recorder()
    const arrivals = plan(200, 1)
    await generateTraffic({
      arrivals,
      recorder,
      maxOpen: 30,
      act: async () => ((await client.get('/')).status === 0 ? 'failed' : 'ok'),
    })
    const summary = recorder.take()
    expect(summary.offered).toBe(arrivals.length)
    expect(summary.sent + summary.dropped).toBe(arrivals.length)
    expect(summary.dropped).toBeGreaterThan(0)
    expect(summary.failed).toBe(summary.sent)
    expect(received).toBe(summary.sent)
    client.close()
    await server.close()
  })

  test('measures from the intended time, so a pause shows in every request that was due in it', async () => {
    const recorder = new Recorder()
    const arrivals: Arrival[] = Array.from({ length: 20 }, (_, n) => ({ atMs: n * 10, kind: 'browse', seed: n }))
    let isFirst = true
    await generateTraffic({
      arrivals,
      recorder,
      act: () => {
        // The generator's own thread stands still for the time of all the others.
        if (isFirst) spin(200)
        isFirst = false
        return Promise.resolve('ok')
      },
    })
    const { latencyMs, sendDelayMs, kinds } = recorder.take()
    expect(latencyMs.max).toBeGreaterThanOrEqual(200)
    // Half of them were due in the first half of the pause and waited for the second: 100 ms and more.
    expect(latencyMs.p50).toBeGreaterThanOrEqual(90)
    expect(sendDelayMs.max).toBeGreaterThanOrEqual(150)
    expect(kinds.browse.count).toBe(20)
    expect(recorder.take().offered).toBe(0)
  })

  test('stops when told, and waits for what it has sent', async () => {
    const ending = new AbortController()
    const recorder = new Recorder()
    await generateTraffic({
      arrivals: planArrivals({ perSecond: 100, seconds: 0, random: createRandom(1) }),
      recorder,
      signal: ending.signal,
      act: async () => {
        ending.abort()
        await new Promise((resolve) => setImmediate(resolve))
        return 'ok'
      },
    })
    const summary = recorder.take()
    expect(summary.sent).toBe(1)
    expect(summary.ok).toBe(1)
  })
})

describe('the crowd', () => {
  test('has a new key for each intent', async () => {
    const keys: string[] = []
    const server = await openServer(({ method, headers }, response) => {
      keys.push(`${method} ${String(headers['idempotency-key'] ?? '')}`)
      response.writeHead(204).end()
    })
    const client = createTrafficClient(server.url, 2_000)
    await client.get('/')
    await client.post('/orders/1/cancel')
    await client.post('/orders', {})
    expect(keys[0]).toBe('GET ')
    expect(keys.slice(1).every((key) => /^POST [0-9a-f-]{36}$/.test(key))).toBe(true)
    expect(new Set(keys).size).toBe(3)
    client.close()
    await server.close()
  })

  test('reads on in what was ordered before, where an answer says that there is something', async () => {
    const asked: string[] = []
    const server = await openServer(({ method, url = '' }, response) => {
      asked.push(url)
      const links = url === '/customers/1/orders' ? { link: '</customers/1/history>; rel="archives"' } : {}
      response.writeHead(200, { 'content-type': 'application/json', ...links })
      const customer = { id: String(asked.filter((each) => each === '/customers').length) }
      response.end(JSON.stringify(method === 'POST' ? customer : { items: [{ id: '7' }], next: null }))
    })
    const client = createTrafficClient(server.url, 2_000)
    const crowd = new Crowd(client)
    await crowd.prepare(2)
    for (let seed = 0; seed < 8; seed++) expect(await crowd.act({ kind: 'myOrders', seed })).toBe('ok')
    const count = (path: string) => asked.filter((each) => each === path).length
    expect(count('/customers/1/orders') * count('/customers/2/orders')).toBeGreaterThan(0)
    expect(count('/customers/1/history')).toBe(count('/customers/1/orders'))
    expect(count('/customers/2/history')).toBe(0)
    client.close()
    await server.close()
  })

  test('says so when there is nobody to talk to', async () => {
    const server = await openServer((_, response) => response.writeHead(503).end())
    const client = createTrafficClient(server.url, 500)
    await expect(new Crowd(client).prepare(1)).rejects.toThrow('GET /events shows no event')
    client.close()
    await server.close()
  })

  test('a reply that never ends counts as none after the deadline', async () => {
    const server = await openServer((_, response) => response.writeHead(200).write('{'))
    const client = createTrafficClient(server.url, 150)
    expect((await client.get('/')).status).toBe(0)
    client.close()
    await server.close()
  })
})
