import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, describe, expect, test } from 'vitest'
import { createRequest, runWithRequest } from '../../src/core/context.js'
import { createOffloadPool, offload } from '../../src/overload/index.js'

const pool = createOffloadPool({ threads: 2, maxQueue: 2 })
const work = new URL('./work.mjs', import.meta.url)
afterAll(async () => await pool.close({ force: true }))

class Held {
  readonly n = 1
}

async function runProgram(program: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** Never ends by itself; tells through shared memory that it has begun. */
const spin = (cells: Int32Array) => {
  Atomics.store(cells, 0, 1)
  Atomics.notify(cells, 0)
  for (;;) Atomics.load(cells, 1)
}

function watchBegin(): { cells: Int32Array; begun: Promise<unknown> } {
  const cells = new Int32Array(new SharedArrayBuffer(8))
  const wait = (Atomics as unknown as { waitAsync: (...args: unknown[]) => { value: Promise<unknown> } }).waitAsync
  return { cells, begun: Promise.resolve(wait(cells, 0, 0).value) }
}

describe('a function by its source', () => {
  test('runs elsewhere, with its parameters', async () => {
    const add = offload((a: number, b: number) => ({ sum: a + b, pid: process.pid }), { pool })
    expect(await add(1, 2)).toEqual({ sum: 3, pid: process.pid })
    const isMain = offload(async () => (await import('node:worker_threads')).isMainThread, { pool })
    expect(await isMain()).toBe(false)
  })

  test('of any form: function, async function, method, one with functions inside', async () => {
    expect(
      await offload(
        function (n: number) {
          return n + 1
        },
        { pool },
      )(1),
    ).toBe(2)
    expect(
      await offload(
        async function named(n: number) {
          await Promise.resolve()
          return n + 1
        },
        { pool },
      )(1),
    ).toBe(2)
    const holder = {
      grow(n: number) {
        return n + 1
      },
      async growLater(n: number) {
        return n + 1
      },
    }
    // oxlint-disable-next-line typescript/unbound-method -- as people pass them
    expect(await offload(holder.grow, { pool })(1)).toBe(2)
    // oxlint-disable-next-line typescript/unbound-method -- as people pass them
    expect(await offload(holder.growLater, { pool })(1)).toBe(2)
    const nested = offload(
      (n: number) => {
        function twice(m: number): number {
          return m * 2
        }
        const thrice = (m: number) => m * 3
        return twice(n) + thrice(n)
      },
      { pool },
    )
    expect(await nested(2)).toBe(10)
  })

  test("esbuild's helper of names is at hand", async () => {
    const text = '(n) => { const inner = __name((m) => m + 1, "inner"); return inner(n) }'
    const fn = new Function(`const __name = (f) => f; return ${text}`)() as (n: number) => number
    expect(await offload(fn, { pool })(1)).toBe(2)
  })

  test('what it uses from outside is named', async () => {
    const factor = Math.random()
    await expect(offload((n: number) => n * factor, { pool })(1)).rejects.toMatchObject({
      code: 'HF_OVERLOAD_CLOSURE',
      message: expect.stringContaining('`factor`') as string,
      details: { name: 'factor' },
    })
  })

  test.each<[string, (...args: never[]) => unknown]>([
    ['native', Math.max],
    // oxlint-disable-next-line eslint/no-extra-bind -- a bound one is what is tried
    ['bound', ((n: number) => n).bind(undefined)],
    ['a class', Held as unknown as () => void],
    [
      'a generator',
      function* () {
        yield 1
      },
    ],
  ])('%s is refused before anything is sent', (_name, fn) => {
    expect(() => offload(fn, { pool })).toThrow(expect.objectContaining({ code: 'HF_OVERLOAD_FUNCTION' }))
  })
})

describe('a module', () => {
  test('its functions are found by their names, and typed', async () => {
    const double = offload<typeof import('./work.mjs'), 'double'>(work, 'double', { pool })
    const result: number = await double(21)
    expect(result).toBe(42)
  })

  test('what is not there is told', async () => {
    const missing = offload<Record<string, () => void>, string>(new URL('./none.mjs', work), 'x', { pool })
    await expect(missing()).rejects.toMatchObject({
      code: 'HF_OVERLOAD_FUNCTION',
    })
    const none = offload<Record<string, () => void>, string>(work, 'notAFunction', { pool })
    await expect(none()).rejects.toMatchObject({ code: 'HF_OVERLOAD_FUNCTION' })
    expect(() => offload<Record<string, () => void>, string>('./work.mjs', 'double', { pool })).toThrow(/by its URL/)
  })
})

describe('errors', () => {
  test('arrive as they were', async () => {
    const fail = offload(
      (id: number) => {
        throw Object.assign(new RangeError('too far'), { code: 'E_FAR', id, hook: () => 1 })
      },
      { pool },
    )
    const error = await fail(7).then(
      () => undefined,
      (error: unknown) => error as RangeError & { id: number },
    )
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: 'too far', name: 'RangeError', code: 'E_FAR', id: 7 })
    expect(error).not.toHaveProperty('hook')
    expect(error?.stack).toContain('too far')
  })

  test('names of their own, causes, and what is no error', async () => {
    const named = offload(
      () => {
        const error = new Error('no', { cause: new Error('why') })
        error.name = 'ResizeError'
        throw error
      },
      { pool },
    )
    await expect(named()).rejects.toMatchObject({ name: 'ResizeError', cause: { message: 'why' } })
    // oxlint-disable-next-line typescript/only-throw-error -- people do
    await expect(
      offload(
        () => {
          throw 'text'
        },
        { pool },
      )(),
    ).rejects.toBe('text')
  })

  test('what cannot be sent, in either direction', async () => {
    const echo = offload((value: unknown) => value, { pool })
    await expect(echo(() => 1)).rejects.toMatchObject({ code: 'HF_OVERLOAD_CLONE' })
    await expect(offload(() => () => 1, { pool })()).rejects.toMatchObject({ code: 'HF_OVERLOAD_CLONE' })
  })

  test('a thread that ends, or needs too much memory, fails its call and no other', async () => {
    await expect(offload(() => process.exit(3), { pool })()).rejects.toMatchObject({
      code: 'HF_OVERLOAD_THREAD',
      message: expect.stringContaining('code 3') as string,
    })
    const small = createOffloadPool({ threads: 1, maxMemoryMb: 16 })
    const grow = offload(
      () => {
        const all: number[][] = []
        for (;;) all.push(Array.from({ length: 10_000 }, (_, n) => n + Math.random()))
      },
      { pool: small },
    )
    await expect(grow()).rejects.toMatchObject({ code: 'HF_OVERLOAD_THREAD' })
    expect(await offload((n: number) => n, { pool: small })(1)).toBe(1)
    await small.close()
  })
})

describe('moving', () => {
  test('parameters that are told, and results', async () => {
    const bytes = new Uint8Array(1_024)
    const size = offload((given: Uint8Array) => given.byteLength, { pool })
    expect(await size.run([bytes], { transfer: [bytes.buffer] })).toBe(1_024)
    expect(bytes.byteLength).toBe(0)
    const made = await offload((length: number) => new Uint8Array(length).fill(3), { pool })(16)
    expect([...made]).toEqual(Array.from({ length: 16 }, () => 3))
    const filled = offload<typeof import('./work.mjs'), 'fill'>(work, 'fill', { pool })
    expect(((await filled(4)) as Uint8Array)[3]).toBe(7)
  })

  test('what a module keeps stays its own', async () => {
    const one = createOffloadPool({ threads: 1 })
    const cached = offload<typeof import('./work.mjs'), 'cached'>(work, 'cached', { pool: one })
    expect((await cached()).byteLength).toBe(8)
    expect((await cached()).byteLength).toBe(8)
    await one.close()
  })
})

describe('ends', () => {
  test('a running call is ended with its thread, a waiting one leaves the queue; the queue is bounded', async () => {
    const one = createOffloadPool({ threads: 1, maxQueue: 1 })
    const running = new AbortController()
    const { cells, begun } = watchBegin()
    const first = offload(spin, { pool: one }).run([cells], { signal: running.signal })
    await begun
    const waiting = new AbortController()
    const second = offload((n: number) => n, { pool: one }).run([1], { signal: waiting.signal })
    expect(one.stats()).toMatchObject({ threads: 1, running: 1, queued: 1 })
    await expect(offload((n: number) => n, { pool: one })(1)).rejects.toMatchObject({
      code: 'HF_OVERLOAD_QUEUE_FULL',
      details: { threads: 1, queued: 1, maxQueue: 1 },
    })
    waiting.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    expect(one.stats()).toMatchObject({ running: 1, queued: 0 })
    running.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect(await offload((n: number) => n, { pool: one })(2)).toBe(2)
    expect(one.stats()).toMatchObject({ running: 0, aborted: 2, refused: 1, done: 1 })
    await one.close()
  })

  test('a deadline, of waiting too', async () => {
    const one = createOffloadPool({ threads: 1 })
    const { cells } = watchBegin()
    const calls = [
      offload(spin, { pool: one, deadlineMs: 50 })(cells),
      offload((n: number) => n, { pool: one }).run([1], { deadlineMs: 20 }),
    ]
    for (const result of await Promise.allSettled(calls))
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'HF_OVERLOAD_DEADLINE' } })
    expect(one.stats()).toMatchObject({ timeouts: 2, running: 0 })
    await one.close()
  })

  test('closing waits for what runs, fails what waits, and lets nobody in', async () => {
    const one = createOffloadPool({ threads: 1 })
    const cells = new Int32Array(new SharedArrayBuffer(8))
    const hold = offload((cells: Int32Array) => void Atomics.wait(cells, 0, 0), { pool: one })
    const first = hold(cells)
    const second = hold(cells)
    const outcome = second.catch((error: unknown) => error)
    const closed = one.close()
    expect(await outcome).toMatchObject({ code: 'HF_OVERLOAD_CLOSED' })
    Atomics.store(cells, 0, 1)
    Atomics.notify(cells, 0)
    await first
    await closed
    await expect(hold(cells)).rejects.toMatchObject({ code: 'HF_OVERLOAD_CLOSED' })
  })

  test('by force it ends what runs', async () => {
    const one = createOffloadPool({ threads: 1 })
    const { cells, begun } = watchBegin()
    const outcome = offload(spin, { pool: one })(cells).catch((error: unknown) => error)
    await begun
    await one.close({ force: true })
    expect(await outcome).toMatchObject({ code: 'HF_OVERLOAD_CLOSED' })
  })

  test('idle threads do not keep a process', async () => {
    const face = new URL('../../dist/overload/index.js', import.meta.url).href
    const program = `import { offload } from '${face}'; console.log(await offload((n) => n + 1)(41))`
    const { code, output } = await runProgram(program)
    expect({ code, output }).toEqual({ code: 0, output: '42\n' })
  })
})

test('without piscina the first call says what to install', async () => {
  const face = new URL('../../dist/overload/index.js', import.meta.url).href
  const hooks = `export async function resolve(name, context, next) {
    if (name === 'piscina') throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })
    return await next(name, context)
  }`
  const program = `import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
    const { offload, sharedOffloadPool } = await import('${face}')
    await offload((n) => n + 1)(41).catch(({ code, fix }) => console.log(code, fix))
    await sharedOffloadPool().close()`
  const { code, output } = await runProgram(program)
  expect({ code, output }).toEqual({ code: 0, output: 'HF_OVERLOAD_PISCINA Install it: `npm install piscina`.\n' })
})

test('the threads’ time is told by route', async () => {
  const request = createRequest({})
  await runWithRequest(request, async () => {
    const running = offload((n: number) => n, { pool })(1)
    request.route = 'GET /images/:id'
    await running
  })
  expect(pool.stats().routes).toContainEqual(expect.objectContaining({ route: 'GET /images/:id', calls: 1 }))
})
