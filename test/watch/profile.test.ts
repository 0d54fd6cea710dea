import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { runInRequest } from '../../src/core/run-request.js'
import { profileRoute } from '../../src/watch/index.js'

function spinSlowly(ms: number): number {
  const until = performance.now() + ms
  let sum = 0
  while (performance.now() < until) for (let n = 0; n < 20_000; n++) sum += Math.sqrt(sum + n)
  return sum
}

const compute = (ms: number) => spinSlowly(ms)

/** A router tells it when it has answered; half of the work comes after a wait. */
const serve = async (route: string, ms: number) =>
  await runInRequest(
    {},
    async (context) => {
      compute(ms / 2)
      await sleep(1)
      compute(ms / 2)
      context.route = route
    },
    () => {},
  )

test('the CPU of a route is told by its functions, and of the others apart', { timeout: 20_000 }, async () => {
  const profiling = profileRoute({ ms: 1_500 })
  await expect(profileRoute()).rejects.toMatchObject({ code: 'HF_WATCH_PROFILING' })
  await sleep(50)
  for (let n = 0; n < 10; n++) await Promise.all([serve('GET /report', 40), serve('GET /quick', 10)])
  compute(50)
  const { route, functions, routes, cpuMs, cpuprofile } = await profiling
  const of = (name: string) => routes.find((each) => each.route === name)?.cpuMs ?? 0
  expect(route).toBe('GET /report')
  expect(cpuMs).toBeGreaterThan(320)
  expect(cpuMs).toBeLessThan(480)
  expect(of('GET /quick')).toBeGreaterThan(70)
  expect(of('GET /quick')).toBeLessThan(150)
  const [first] = functions
  expect(first).toMatchObject({ name: 'spinSlowly', place: expect.stringMatching(/profile\.test\.ts:/) as string })
  expect(first?.share).toBeGreaterThan(0.7)
  expect(functions.find(({ name }) => name === 'compute')?.totalMs).toBeGreaterThan(0.8 * cpuMs)
  expect(cpuprofile.samples).toHaveLength(cpuprofile.timeDeltas?.length ?? 0)
})

test('it ends early with what there is, and refuses what makes no sense', { timeout: 20_000 }, async () => {
  const startedAt = performance.now()
  const { route, ms } = await profileRoute({ ms: 10_000, signal: AbortSignal.timeout(200) })
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  expect([route, ms < 5_000]).toEqual(['', true])
  await expect(profileRoute({ ms: 5 })).rejects.toMatchObject({ code: expect.stringContaining('HF_OPTIONS') as string })
})
