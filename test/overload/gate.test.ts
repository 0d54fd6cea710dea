import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Gate } from '../../src/overload/gate.js'

const turn = async () => await new Promise((resolve) => setImmediate(resolve))

const options = { deadlineMs: undefined, maxConcurrent: 3, maxQueue: 4, maxWaitMs: 60_000, graceMs: 60_000 }

test('never more than may at once, never more waiting than may, and each is begun, refused or taken out once', async () => {
  const visit = fc.record({ key: fc.constantFrom('a', 'b', 'c'), leaves: fc.boolean(), turns: fc.nat({ max: 3 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(visit, { maxLength: 40 }), async (visits) => {
      const gate = new Gate(options)
      const ends: (() => void)[] = []
      const outcomes = visits.map(() => [] as string[])
      const begun: { key: string; n: number }[] = []
      for (const [n, { key, leaves, turns }] of visits.entries()) {
        const outcome = outcomes[n] as string[]
        const takeOut = gate.enter({
          key,
          begin: (leave) => {
            outcome.push('begun')
            begun.push({ key, n })
            ends.push(leave)
          },
          refuse: (reason) => outcome.push(reason),
        })
        if (leaves && takeOut?.()) outcome.push('out')
        expect(gate.inFlight).toBeLessThanOrEqual(options.maxConcurrent)
        expect(gate.queued).toBeLessThanOrEqual(options.maxQueue)
        for (let each = 0; each < turns; each++) {
          ends.shift()?.()
          await turn()
        }
      }
      while (ends.length > 0) {
        ends.shift()?.()
        await turn()
      }
      expect(gate).toMatchObject({ inFlight: 0, queued: 0 })
      for (const outcome of outcomes) expect(outcome).toHaveLength(1)
      for (const key of ['a', 'b', 'c']) {
        const order = begun.filter((each) => each.key === key).map(({ n }) => n)
        expect(order).toEqual(order.toSorted((a, b) => a - b))
      }
    }),
    { numRuns: 100 },
  )
})

test('requests that compute are begun one in a turn of the loop: others are seen in between', async () => {
  const gate = new Gate({ ...options, maxConcurrent: 100, maxQueue: 100 })
  const events: string[] = []
  const compute = (name: string) =>
    gate.enter({
      key: '',
      begin: (leave) => {
        events.push(name)
        const until = performance.now() + 2
        while (performance.now() < until);
        leave()
      },
      refuse: () => events.push('refused'),
    })
  for (const name of ['a', 'b', 'c']) compute(name)
  expect(events).toEqual(['a'])
  await turn()
  expect(events).toEqual(['a', 'b'])
  await turn()
  expect(events).toEqual(['a', 'b', 'c'])
})
