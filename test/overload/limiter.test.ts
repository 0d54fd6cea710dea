import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readThreadpoolSize } from '../../src/overload/create-limiter.js'
import { createLimiter } from '../../src/overload/index.js'

/** Ends when it is told to. */
function holdOpen(): { promise: Promise<void>; end: () => void } {
  let end = () => {}
  const promise = new Promise<void>((resolve) => (end = resolve))
  return { promise, end }
}

const turn = async () => await new Promise((resolve) => setImmediate(resolve))

describe('the limiter', () => {
  test.each([
    [undefined, 4],
    ['16', 16],
    ['0', 1],
    ['nonsense', 1],
    ['5000', 1_024],
  ])('reads UV_THREADPOOL_SIZE %s as %d', (text, size) => expect(readThreadpoolSize(text)).toBe(size))

  test('leaves two of libuv’s threads free', () => expect(createLimiter().stats().max).toBe(2))

  test('never more than max at once, bounded, first come first by key, and everybody is answered', async () => {
    const call = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      fails: fc.boolean(),
      aborts: fc.boolean(),
      isAborted: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 5 }),
        fc.array(call, { maxLength: 30 }),
        async (max, maxQueue, calls) => {
          const limiter = createLimiter({ max, maxQueue })
          const open: (() => void)[] = []
          const begun: { key: string; n: number }[] = []
          let most = 0
          let running = 0
          const results = calls.map(async ({ key, fails, aborts, isAborted }, n) => {
            const abort = new AbortController()
            if (isAborted) abort.abort(new Error('aborted'))
            const run = limiter.run(
              async () => {
                begun.push({ key, n })
                most = Math.max(most, ++running)
                const { promise, end } = holdOpen()
                open.push(end)
                await promise
                running--
                if (fails) throw new Error('failed')
                return n
              },
              { key, signal: abort.signal },
            )
            expect(limiter.stats().queued).toBeLessThanOrEqual(maxQueue)
            if (aborts) abort.abort(new Error('aborted'))
            return await run
          })
          const settled = Promise.allSettled(results)
          for (;;) {
            await turn()
            const end = open.shift()
            if (end === undefined) break
            end()
          }
          const outcomes = await settled
          expect(most).toBeLessThanOrEqual(max)
          expect(limiter.stats()).toMatchObject({ running: 0, queued: 0 })
          for (const [n, outcome] of outcomes.entries()) {
            if (outcome.status === 'fulfilled') expect(outcome.value).toBe(n)
            else expect((outcome.reason as Error).message).toMatch(/failed|aborted|as many as may/)
          }
          for (const key of ['a', 'b', 'c']) {
            const order = begun.filter((each) => each.key === key).map(({ n }) => n)
            expect(order).toEqual(order.toSorted((a, b) => a - b))
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test('keys take turns', async () => {
    const limiter = createLimiter({ max: 1 })
    const order: string[] = []
    const first = holdOpen()
    const all = [limiter.run(async () => await first.promise)]
    for (const key of ['a', 'a', 'a', 'b', 'c', 'c']) all.push(limiter.run(() => void order.push(key), { key }))
    first.end()
    await Promise.all(all)
    expect(order).toEqual(['a', 'b', 'c', 'a', 'c', 'a'])
  })

  test('what is too much, or waits for too long, is told with numbers', async () => {
    const limiter = createLimiter({ max: 1, maxQueue: 1, deadlineMs: 20 })
    const first = holdOpen()
    const running = limiter.run(async () => await first.promise)
    const waiting = limiter.run(() => 1)
    await expect(limiter.run(() => 2)).rejects.toMatchObject({
      code: 'HF_OVERLOAD_LIMITER_FULL',
      details: { max: 1, queued: 1, maxQueue: 1 },
    })
    await expect(waiting).rejects.toMatchObject({ code: 'HF_OVERLOAD_LIMITER_TIMEOUT', status: 503, retryable: true })
    first.end()
    await running
    expect(limiter.stats()).toMatchObject({ running: 0, queued: 0, done: 1, refused: 1, timeouts: 1 })
    expect(await limiter.run(() => 3)).toBe(3)
  })
})
