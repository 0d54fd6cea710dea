import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import {
  createSagas,
  defineSaga,
  readHistory,
  replay,
  type SagaDefinition,
  type SagaHistory,
  type Steps,
  type WorkOptions,
} from '../../src/sagas/index.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { note, openSagaBox, type SagaBox } from '../helpers/sagas.js'

let box: SagaBox
const warnings: string[] = []
const logger = { ...quietLogger, warn: (_: object, text: string) => void warnings.push(text) }

beforeAll(async () => {
  box = await openSagaBox(logger)
})
beforeEach(() => void (warnings.length = 0))
afterEach(async () => await box.closeSagas())
afterAll(async () => await box.close())

const openSagas = async (sagas: readonly SagaDefinition<never, unknown>[], work: WorkOptions | false = {}) =>
  await box.openSagas(sagas, work)
const effects = async (saga: string) => await box.effects(saga)
const codeOf = async (promise: Promise<unknown>) =>
  await promise.then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
const step = async (s: Steps, name: string) =>
  await s.tx(name, {
    do: async (tx) => await note(tx, s.id, name),
    undo: async (tx) => await note(tx, s.id, `undo ${name}`),
  })

let names = 0
const fresh = () => `takeover-${++names}`
/** As a process would be thought of that was not heard of for its lease. */
const lapse = async () => {
  await box.db.query(`update holdfast.sagas_workers set seen_at = now() - interval '1 day'`)
  await box.db.query('select holdfast.sagas_hand_on()')
}

describe('from hand to hand', () => {
  test('one that stops hands over at once, between two steps and in one', async () => {
    const name = fresh()
    let open = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    const calls: string[] = []
    const saga = defineSaga(name, { version: 1 }, async (s) => {
      await step(s, 'a')
      await s.call('b', {
        do: async ({ key }) => {
          calls.push(key)
          await gate
        },
      })
      await step(s, 'c')
      return 'end'
    })
    const first = await openSagas([saga], { leaseMs: 60_000 })
    const { id } = await first.sagas.start(saga, undefined)
    await eventually(() => expect(calls).toHaveLength(1))
    const second = await openSagas([saga], { leaseMs: 60_000 })
    const closing = first.sagas.close()
    open()
    await closing
    expect(await second.sagas.result(saga, id, { waitMs: 5_000 })).toBe('end')
    expect(await effects(id)).toEqual(['a', 'c'])
    // It had ended when its process stopped: nobody calls again.
    expect(calls).toHaveLength(1)
  })

  test('who lost its lease in the middle of a step writes nothing; another one goes on', async () => {
    let open = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    let runs = 0
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await step(s, 'a')
      await s.tx('b', {
        do: async (tx) => {
          await note(tx, s.id, 'b')
          if (++runs === 1) await gate
        },
      })
      return runs
    })
    const first = await openSagas([saga], { leaseMs: 60_000 })
    const { id } = await first.sagas.start(saga, undefined)
    await eventually(() => expect(runs).toBe(1))
    await lapse()
    const second = await openSagas([saga], { leaseMs: 60_000 })
    expect(await second.sagas.result(saga, id, { waitMs: 5_000 })).toBe(2)
    open()
    await eventually(() => expect(warnings.join()).toMatch(/in other hands|lost its sagas/))
    expect(await effects(id)).toEqual(['a', 'b'])
  })

  test('in the middle of undoing another one goes on with the rest', async () => {
    let open = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    let undone = 0
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await step(s, 'a')
      await s.call('b', {
        do: () => 'kept',
        undo: async (_, result) => {
          if (++undone === 1) await gate
          await box.db.query('insert into effects (saga, what) values ($1, $2)', [s.id, `undo b ${String(result)}`])
        },
      })
      await step(s, 'c')
      throw new Error('enough')
    })
    const first = await openSagas([saga], { leaseMs: 60_000 })
    const { id } = await first.sagas.start(saga, undefined)
    await eventually(() => expect(undone).toBe(1))
    await lapse()
    const second = await openSagas([saga], { leaseMs: 60_000 })
    expect(await codeOf(second.sagas.result(saga, id, { waitMs: 5_000 }))).toBe('HF_SAGAS_COMPENSATED')
    open()
    expect((await effects(id)).slice(0, 5)).toEqual(['a', 'c', 'undo c', 'undo b kept', 'undo a'])
  })

  test('what a process owns and does not know of is found at its heartbeat', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await step(s, 'a')
      return 1
    })
    const { sagas } = await openSagas([saga], { leaseMs: 600 })
    const id = fresh()
    await box.db.query(
      `insert into holdfast.sagas_instances (id, kind, state, owner, ends_by)
       select $1, k.id, 'running', w.id, now() + interval '1 hour' from holdfast.sagas_kinds k, holdfast.sagas_workers w
        where k.name = $2 and k.id = any(w.kinds)`,
      [id, saga.name],
    )
    expect(await sagas.result(saga, id, { waitMs: 5_000 })).toBe(1)
  })

  test('a function that awaits something else goes on, in a replay too', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await step(s, 'a')
      await new Promise((resolve) => setTimeout(resolve, 30))
      await step(s, 'b')
      await s.waitFor('go')
      return 'end'
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    await eventually(async () => expect((await sagas.get(id))?.state).toBe('waiting'))
    await sagas.signal(id, 'go')
    expect(await sagas.result(saga, id, { waitMs: 5_000 })).toBe('end')
    expect(await effects(id)).toEqual(['a', 'b'])
  })

  test('a commit that fails after the function was told: it is called anew, without that step', async () => {
    await box.db.query('create table parents (id int primary key)')
    await box.db.query('create table children (id int references parents deferrable initially deferred)')
    let seen = 0
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      try {
        await s.tx('orphan', { do: async (tx) => void (await tx.query('insert into children values ($1)', [7])) })
        seen++
      } catch (error) {
        return (error as { code: string }).code
      }
      await step(s, 'after')
      return 'committed'
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await sagas.result(saga, id)).toBe('23503')
    expect(seen).toBe(1)
    expect(await effects(id)).toEqual([])
  })
})

test('of parallel steps the commit of one takes no record of another along', async () => {
  await box.db.query('create table houses (id int primary key)')
  await box.db.query('create table rooms (id int references houses deferrable initially deferred)')
  const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
    const orphan = s.tx('orphan', { do: async (tx) => void (await tx.query('insert into rooms values ($1)', [7])) })
    const others = ['a', 'b', 'c'].map(async (name) => await step(s, name))
    await Promise.allSettled([orphan, ...others])
    return 'all'
  })
  const { sagas } = await openSagas([saga])
  for (let n = 0; n < 10; n++) {
    const { id } = await sagas.start(saga, undefined)
    await sagas.result(saga, id)
    expect((await effects(id)).toSorted()).toEqual(['a', 'b', 'c'])
    const details = await sagas.inspect.details(id)
    const outcomes = details?.steps.map(({ name, outcome }) => `${name} ${outcome}`)
    expect(outcomes).toEqual(['orphan failed', 'a done', 'b done', 'c done'])
  }
})

test('more sagas in tx steps than the pool has connections', async () => {
  const db = await connectTo({ url: box.url, pool: { max: 4 }, heartbeatMs: 600_000, logger })
  const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
    await step(s, 'a')
    await s.call('b', { do: () => 1 })
    await Promise.all([step(s, 'c'), s.call('d', { do: () => 1 })])
  })
  const sagas = await createSagas(db, { sagas: [saga], logger })
  await sagas.work({ pollMs: 50, leaseMs: 60_000 })
  const started = performance.now()
  const ids = await Promise.all(Array.from({ length: 40 }, async () => (await sagas.start(saga, undefined)).id))
  for (const id of ids) await sagas.result(saga, id)
  // A wait of the one for the other would end with the pool's own deadline of 5 s.
  expect(performance.now() - started).toBeLessThan(4_500)
  await sagas.close()
  await db.close()
}, 20_000)

describe('code and history', () => {
  async function parked(name: string): Promise<string> {
    const old = defineSaga(name, { version: 1 }, async (s) => {
      await step(s, 'a')
      await step(s, 'charge')
      await s.waitFor('go')
    })
    const { sagas } = await openSagas([old], false)
    const worker = await sagas.work({ pollMs: 50 })
    const { id } = await sagas.start(old, undefined)
    await eventually(async () => expect((await sagas.get(id))?.state).toBe('waiting'))
    await worker.stop()
    return id
  }

  test.each<[string, (s: Steps) => Promise<unknown>, RegExp]>([
    [
      'another name',
      async (s) => [await step(s, 'a'), await step(s, 'reserve2')],
      /"reserve2" as step 2, where tx step "charge"/,
    ],
    [
      'another order',
      async (s) => [await step(s, 'charge'), await step(s, 'a')],
      /"charge" as step 1, where tx step "a"/,
    ],
    [
      'another branch',
      async (s) => await Promise.all([step(s, 'a'), step(s, 'b')]),
      /"b" as step 2, where tx step "charge"/,
    ],
    ['an end', async (s) => await step(s, 'a'), /its function ends; recorded next is tx step "charge"/],
    [
      'a throw',
      async (s) => [await step(s, 'a'), await Promise.reject(new Error('x'))],
      /its function throws; recorded next/,
    ],
  ])('%s is noticed, and named; old code goes on', async (_, body, message) => {
    const name = fresh()
    const id = await parked(name)
    const changed = defineSaga(name, { version: 1 }, async (s) => {
      await body(s)
    })
    const second = await openSagas([changed])
    await second.sagas.signal(id, 'go')
    await eventually(async () => expect((await second.sagas.get(id))?.state).toBe('stuck'))
    const status = await second.sagas.get(id)
    expect(status?.error?.name).toBe('HF_SAGAS_CODE_CHANGED')
    expect(status?.error?.message).toMatch(message)
    expect(await effects(id)).toEqual(['a', 'charge'])
    await second.sagas.close()
    const good = defineSaga(name, { version: 1 }, async (s) => {
      await step(s, 'a')
      await step(s, 'charge')
      await s.waitFor('go')
      return 'fits'
    })
    const third = await openSagas([good])
    await third.sagas.retry(id)
    expect(await third.sagas.result(good, id)).toBe('fits')
  })

  test('two versions live side by side; one that nobody has the code of is told of', async () => {
    const name = fresh()
    const of = (version: number) =>
      defineSaga(name, { version }, async (s) => {
        await s.waitFor('go')
        return version
      })
    const [one, two] = [of(1), of(2)]
    const both = await openSagas([one, two])
    const ids = [(await both.sagas.start(one, undefined)).id, (await both.sagas.start(two, undefined)).id] as const
    for (const id of ids) await eventually(async () => expect((await both.sagas.get(id))?.state).toBe('waiting'))
    await both.sagas.close()
    const later = await openSagas([two])
    expect((await later.sagas.findStranded()).filter((each) => each.name === name)).toEqual([
      { name, version: 1, amount: 1 },
    ])
    expect(warnings.join()).toContain('no live process has the code')
    await later.sagas.signal(ids[1], 'go')
    expect(await later.sagas.result(two, ids[1])).toBe(2)
    const again = await openSagas([one])
    await again.sagas.signal(ids[0], 'go')
    expect(await again.sagas.result(one, ids[0])).toBe(1)
  })

  test('a recorded history is replayed against new code before it is deployed', async () => {
    const name = fresh()
    const id = await parked(name)
    const history = (await readHistory(box.db, id)) as SagaHistory
    const good = defineSaga(name, { version: 1 }, async (s) => {
      await step(s, 'a')
      await step(s, 'charge')
      await s.waitFor('go')
      await step(s, 'new')
    })
    await replay(good, JSON.parse(JSON.stringify(history)) as SagaHistory)
    const bad = defineSaga(name, { version: 1 }, async (s) => void [await step(s, 'a'), await step(s, 'pay')])
    expect(await codeOf(replay(bad, history))).toBe('HF_SAGAS_CODE_CHANGED')
    const stalling = defineSaga(name, { version: 1, stallMs: 100 }, async (s) => {
      await step(s, 'a')
      await new Promise(() => {})
    })
    expect(await codeOf(replay(stalling, history))).toBe('HF_SAGAS_STALLED')
    expect(await effects(id)).toEqual(['a', 'charge'])
  })

  test('branches are told in the order in which they were: a replay takes the same way', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      const branch = async (name: string, ms: number) => {
        await s.call(`${name}1`, { do: async () => await new Promise((resolve) => setTimeout(resolve, ms)) })
        await step(s, `${name}2`)
      }
      await Promise.all([branch('slow', 40), branch('quick', 1), branch('middle', 20)])
      await s.waitFor('go')
      return 'same'
    })
    const first = await openSagas([saga], { leaseMs: 60_000 })
    const { id } = await first.sagas.start(saga, undefined)
    await eventually(async () => expect((await first.sagas.get(id))?.state).toBe('waiting'))
    const before = await effects(id)
    expect(before.toSorted()).toEqual(['middle2', 'quick2', 'slow2'])
    await first.sagas.signal(id, 'go')
    expect(await first.sagas.result(saga, id)).toBe('same')
    expect(await effects(id)).toEqual(before)
  })
})

describe('bad code', () => {
  async function reasonOf(body: (s: Steps) => Promise<unknown>, options: { stallMs?: number } = {}) {
    const saga = defineSaga(fresh(), { version: 1, ...options }, body)
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    const code = await codeOf(sagas.result(saga, id, { waitMs: 10_000 }))
    return { code, error: (await sagas.get(id))?.error, effects: await effects(id) }
  }

  test('two steps of one name', async () => {
    const { code, error, effects: left } = await reasonOf(async (s) => [await step(s, 'a'), await step(s, 'a')])
    expect([code, error?.name, left]).toEqual(['HF_SAGAS_COMPENSATED', 'HF_SAGAS_STEP_DUPLICATE', ['a', 'undo a']])
  })

  test('it cannot be caught and passed over', async () => {
    const { code, error } = await reasonOf(async (s) => {
      await step(s, 'a')
      await step(s, 'a').catch(() => {})
      await step(s, 'b')
    })
    expect([code, error?.name]).toEqual(['HF_SAGAS_COMPENSATED', 'HF_SAGAS_STEP_DUPLICATE'])
  })

  test.each<[string, unknown]>([
    ['a function', () => 1],
    ['a BigInt', 1n],
    ['a NUL', 'a\0b'],
  ])('a result that is %s', async (_, value) => {
    const {
      code,
      error,
      effects: left,
    } = await reasonOf(async (s) => {
      await s.tx('a', {
        do: async (tx) => {
          await note(tx, s.id, 'a')
          return value as string
        },
      })
    })
    expect([code, error?.name, error?.step, left]).toEqual(['HF_SAGAS_COMPENSATED', 'HF_SAGAS_RESULT_INVALID', 'a', []])
  })

  test('a result that is too large, and a thrown value', async () => {
    const large = await reasonOf(async (s) => await s.call('a', { do: () => 'x'.repeat(300_000) }))
    expect(large.error?.name).toBe('HF_SAGAS_TOO_LARGE')
    const thrown = await reasonOf(async (s) => {
      await s.call('a', {
        do: () => {
          // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error
          throw { secret: 1 }
        },
        retry: { attempts: 1 },
      })
    })
    expect(thrown.error).toEqual({
      name: 'HF_SAGAS_STEP_THREW',
      message: 'A value of type object was thrown.',
      step: 'a',
    })
  })

  test('a function that never ends, and an attempt that does not', async () => {
    const stalled = await reasonOf(
      async (s) => {
        await step(s, 'a')
        await new Promise(() => {})
      },
      { stallMs: 200 },
    )
    expect([stalled.code, stalled.error?.name]).toEqual(['HF_SAGAS_STUCK', 'HF_SAGAS_STALLED'])
    const slow = await reasonOf(
      async (s) =>
        await s.call('a', {
          do: async () => await new Promise(() => {}),
          timeoutMs: 50,
          retry: { attempts: 2, backoffMs: 1 },
        }),
    )
    expect([slow.code, slow.error?.name]).toEqual(['HF_SAGAS_COMPENSATED', 'HF_SAGAS_STEP_TIMEOUT'])
  })

  test('an undo that throws is tried again, then the saga is stuck with its reason', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.tx('a', {
        do: async (tx) => await note(tx, s.id, 'a'),
        undo: async () => await Promise.reject(new Error('never')),
        undoRetry: { attempts: 3, backoffMs: 1 },
      })
      throw new Error('enough')
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await codeOf(sagas.result(saga, id))).toBe('HF_SAGAS_STUCK')
    const details = await sagas.inspect.details(id)
    expect(details?.steps[0]?.undo).toMatchObject({
      state: 'failing',
      attempts: 3,
      error: { message: 'never', step: 'a' },
    })
  })

  test('a predicate that throws leaves it stuck with what it threw', async () => {
    const { code, error } = await reasonOf(async (s) => {
      await s.call('a', {
        do: () => Promise.reject(new Error('no answer')),
        isRefusal: (failure) => (failure as { response: { status: number } }).response.status === 402,
      })
    })
    expect([code, error?.name, error?.step]).toEqual(['HF_SAGAS_STUCK', 'TypeError', 'a'])
  })

  test('ids, inputs and names', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (_, input: { n: number }) => input.n)
    const other = defineSaga(fresh(), { version: 1 }, async () => 1)
    const { sagas } = await openSagas([saga])
    expect(await codeOf(sagas.start(saga, { n: 1 }, { id: '' }))).toBe('HF_SAGAS_ID')
    expect(await codeOf(sagas.start(saga, { n: 1 }, { id: 'a b' }))).toBe('HF_SAGAS_ID')
    expect(await codeOf(sagas.start(saga, { n: 1n as never }))).toBe('HF_SAGAS_INPUT_INVALID')
    expect(await codeOf(sagas.start(other, undefined))).toBe('HF_SAGAS_UNKNOWN')
    expect(() => defineSaga('', { version: 1 }, async () => 1)).toThrow('1 to 80')
    expect(() => defineSaga('a', { version: 1.5 }, async () => 1)).toThrow('whole number')
    expect(await codeOf(createSagas(box.db, { sagas: [saga, saga] }))).toBe('HF_SAGAS_NAME')
  })
})
