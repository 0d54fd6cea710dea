import { expect, it } from 'vitest'
import { formatMetrics } from '../../src/http/metrics.js'
import { createHttp } from '../../src/http/index.js'
import { FakeDb } from './fake-db.js'

const samplePattern = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (-?[\d.e+-]+|NaN|\+Inf)$/

interface Sample {
  name: string
  labels: string
  value: number
}

function parse(text: string): Sample[] {
  const samples: Sample[] = []
  const typed = new Set<string>()
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# TYPE ')) typed.add(line.split(' ')[2] ?? '')
    if (line.startsWith('#')) continue
    const match = samplePattern.exec(line)
    expect(match, line).not.toBeNull()
    const [, name = '', labels = '', value = ''] = match ?? []
    expect(typed.has(name.replace(/_(bucket|sum|count)$/, '')) || typed.has(name), line).toBe(true)
    samples.push({ name, labels, value: Number(value) })
  }
  return samples
}

function find(samples: readonly Sample[], name: string, ...labels: string[]): number | undefined {
  return samples.find((sample) => sample.name === name && labels.every((label) => sample.labels.includes(label)))?.value
}

it('writes counters, gauges and cumulative histograms in seconds', () => {
  const db = new FakeDb()
  for (const ms of [3, 8, 30, 20_000]) db.count('GET /a', ms, ms === 30)
  db.acquire.record(2)
  db.statements.record(7)
  Object.assign(db.pool, { busy: 7, idle: 1, waiting: 2, timeouts: 5 })
  const text = formatMetrics(db, '0.1.0', undefined)
  expect(text.endsWith('\n')).toBe(true)
  const samples = parse(text)
  expect(find(samples, 'holdfast_requests_total', 'route="GET /a"', 'outcome="ok"')).toBe(3)
  expect(find(samples, 'holdfast_requests_total', 'outcome="error"')).toBe(1)
  const buckets = samples.filter((sample) => sample.name === 'holdfast_request_duration_seconds_bucket')
  expect(buckets.map((bucket) => bucket.value)).toEqual([1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4])
  expect(buckets.at(-1)?.labels).toContain('le="+Inf"')
  expect(find(samples, 'holdfast_request_duration_seconds_sum')).toBeCloseTo(20.041, 3)
  expect(find(samples, 'holdfast_request_duration_seconds_count')).toBe(4)
  expect(find(samples, 'holdfast_pool_acquire_wait_seconds_bucket', 'le="0.0025"')).toBe(1)
  expect(find(samples, 'holdfast_query_duration_seconds_bucket', 'le="0.005"')).toBe(0)
  expect(find(samples, 'holdfast_pool_connections', 'state="busy"')).toBe(7)
  expect(find(samples, 'holdfast_pool_waiting')).toBe(2)
  expect(find(samples, 'holdfast_pool_timeouts_total')).toBe(5)
})

it('bounds the series and keeps a route in its row', () => {
  const db = new FakeDb()
  for (let i = 0; i < 500; i++) db.count(`GET /r${i}`, 1)
  db.count('(holdfast)', 1)
  const routes = new Set(
    parse(formatMetrics(db, '0', undefined)).map((sample) => /route="([^"]*)"/.exec(sample.labels)?.[1]),
  )
  routes.delete(undefined)
  expect(routes.size).toBe(101)
  for (let i = 0; i < 900; i++) db.count('GET /r499', 1)
  const samples = parse(formatMetrics(db, '0', undefined))
  expect(find(samples, 'holdfast_requests_total', 'route="GET /r0"', 'ok')).toBe(1)
  expect(find(samples, 'holdfast_requests_total', 'route="(overflow)"', 'ok')).toBe(1300)
  expect(find(samples, 'holdfast_request_duration_seconds_count', 'route="(overflow)"')).toBe(1300)
})

it('escapes what would end a label', () => {
  const db = new FakeDb()
  db.count('GET /"a"\\\n', 1)
  expect(formatMetrics(db, '0', undefined)).toContain('route="GET /\\"a\\"\\\\\\n"')
  parse(formatMetrics(db, '0', undefined))
})

it('is served with its content type', async () => {
  const http = createHttp(new FakeDb(), { token: 'correct-horse-battery-staple' })
  const headers = { authorization: 'Bearer correct-horse-battery-staple' }
  const answer = await http.fetch(new Request('http://x/_holdfast/metrics', { headers }))
  http.close()
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  parse(await answer.text())
})
