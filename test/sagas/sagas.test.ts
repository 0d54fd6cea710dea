import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defineSaga, type SagaDefinition, type WorkOptions } from '../../src/sagas/index.js'
import { eventually } from '../helpers/eventually.js'
import { note, openSagaBox, type SagaBox } from '../helpers/sagas.js'

let box: SagaBox
beforeAll(async () => {
  box = await openSagaBox()
})
beforeEach(async () => {
  await box.db.query('truncate effects')
})
afterEach(async () => await box.closeSagas())
afterAll(async () => await box.close())

const openSagas = async (sagas: readonly SagaDefinition<never, unknown>[], work: WorkOptions | false = {}) =>
  await box.openSagas(sagas, work)
const effects = async (saga: string) => await box.effects(saga)
const outcomeOf = async (promise: Promise<unknown>) =>
  await promise.then(
    () => 'done',
    (error: { code: string; message: string }) => `${error.code} ${error.message}`,
  )

let names = 0
const fresh = () => `saga-${++names}`

describe('forward', () => {
  test('steps run in order, their results flow, the result is kept', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s, input: { n: number }) => {
      const a = await s.tx('a', {
        do: async (tx) => {
          await note(tx, s.id, 'a')
          return { n: input.n + 1 }
        },
      })
      const b = await s.call('b', { do: ({ key }) => ({ key, n: a.n + 1 }) })
      await s.tx('c', { do: async (tx) => await note(tx, s.id, 'c') })
      return { ...b, at: 'end' }
    })
    const { sagas } = await openSagas([saga])
    const { id, isNew } = await sagas.start(saga, { n: 1 })
    expect(isNew).toBe(true)
    expect(await sagas.result(saga, id)).toEqual({ key: `${id}/b`, n: 3, at: 'end' })
    expect(await effects(id)).toEqual(['a', 'c'])
    const details = await sagas.inspect.details(id)
    expect(details?.steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['a done', 'b done', 'c done'])
    expect(details?.state).toBe('done')
  })

  test('a saga without steps, and one that ends with an unawaited step', async () => {
    const none = defineSaga(fresh(), { version: 1 }, async () => 7)
    const floating = defineSaga(fresh(), { version: 1 }, async (s) => {
      void s.tx('a', { do: async (tx) => await note(tx, s.id, 'a') })
      return 'early'
    })
    const { sagas } = await openSagas([none, floating])
    expect(await sagas.result(none, (await sagas.start(none, undefined)).id)).toBe(7)
    const { id } = await sagas.start(floating, undefined)
    expect(await sagas.result(floating, id)).toBe('early')
    expect(await effects(id)).toEqual(['a'])
  })

  test('branches run beside each other, and a crash between them repeats no tx step', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      const branch = async (name: string) => {
        await s.tx(`${name}1`, { do: async (tx) => await note(tx, s.id, `${name}1`) })
        await s.call(`${name}2`, { do: () => name })
        await s.tx(`${name}3`, { do: async (tx) => await note(tx, s.id, `${name}3`) })
      }
      await Promise.all([branch('a'), branch('b'), branch('c')])
      return 'all'
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await sagas.result(saga, id)).toBe('all')
    expect((await effects(id)).toSorted()).toEqual(['a1', 'a3', 'b1', 'b3', 'c1', 'c3'])
  })

  test('the same id starts once; another input is refused', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s, input: { n: number }) => {
      await s.tx('a', { do: async (tx) => await note(tx, s.id, `a${input.n}`) })
    })
    const { sagas } = await openSagas([saga])
    const id = fresh()
    const starts = await Promise.all([1, 2, 3, 4].map(async () => await sagas.start(saga, { n: 1 }, { id })))
    expect(starts.filter(({ isNew }) => isNew)).toHaveLength(1)
    await sagas.result(saga, id)
    expect(await effects(id)).toEqual(['a1'])
    expect(await outcomeOf(sagas.start(saga, { n: 2 }, { id }))).toContain('HF_SAGAS_ID_REUSED')
  })

  test('started in a transaction it exists exactly if that commits', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.tx('a', { do: async (tx) => await note(tx, s.id, 'a') })
    })
    const { sagas, db } = await openSagas([saga])
    const [kept, dropped] = [fresh(), fresh()]
    await db.tx(async (tx) => void (await sagas.start(tx, saga, undefined, { id: kept })))
    const failing = db.tx(async (tx) => {
      await sagas.start(tx, saga, undefined, { id: dropped })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await sagas.result(saga, kept)
    expect(await sagas.get(dropped)).toBeUndefined()
  })

  test('a call is tried again with the same key; a tx step when its SQL may succeed', async () => {
    const keys: string[] = []
    let conflicts = 0
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.call('flaky', {
        do: ({ key, attempt }) => {
          keys.push(key)
          if (attempt < 3) throw new Error('not now')
          return attempt
        },
        retry: { backoffMs: 1 },
      })
      await s.tx('conflicting', {
        do: async (tx) => {
          await note(tx, s.id, 'once')
          if (++conflicts < 3) await tx.query(`do $$ begin raise exception 'x' using errcode = '40001'; end $$`)
        },
        retry: { backoffMs: 1 },
      })
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    await sagas.result(saga, id)
    expect(keys).toEqual([`${id}/flaky`, `${id}/flaky`, `${id}/flaky`])
    expect(await effects(id)).toEqual(['once'])
  })
})

describe('backward', () => {
  const three = (name: string, last: (attempt: number) => void) =>
    defineSaga(name, { version: 1 }, async (s) => {
      await s.tx('a', {
        do: async (tx) => {
          await note(tx, s.id, 'a')
          return 1
        },
        undo: async (tx, result) => await note(tx, s.id, `undo a ${result}`),
      })
      await s.call('b', {
        do: () => ({ charge: 9 }),
        undo: async ({ doKey, key }, result) => {
          await box.db.query('insert into effects (saga, what) values ($1, $2)', [
            s.id,
            `undo b ${doKey === `${s.id}/b`} ${key === `${s.id}/b/undo`} ${result?.charge}`,
          ])
        },
      })
      await s.call('c', {
        do: ({ attempt }) => last(attempt),
        undo: async (_, result) =>
          void (await box.db.query('insert into effects (saga, what) values ($1, $2)', [
            s.id,
            `undo c ${String(result)}`,
          ])),
        retry: { attempts: 2, backoffMs: 1 },
        isRefusal: (error) => (error as Error).message === 'refused',
      })
    })

  test('what was done is undone in reverse, the outcome of a failed call is unknown', async () => {
    const saga = three(fresh(), () => {
      throw new Error('broken')
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await outcomeOf(sagas.result(saga, id))).toContain('HF_SAGAS_COMPENSATED')
    expect(await effects(id)).toEqual(['a', 'undo c undefined', 'undo b true true 9', 'undo a 1'])
    const details = await sagas.inspect.details(id)
    expect(details?.error).toEqual({ name: 'Error', message: 'broken', step: 'c' })
    expect(details?.steps.map(({ undo }) => undo?.state)).toEqual(['done', 'done', 'done'])
  })

  test('whoever waits until it is decided is not kept while the other side is silent', async () => {
    let answers: (() => void) | undefined
    const silent = new Promise<void>((resolve) => (answers = resolve))
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.call('a', { do: () => 1, undo: async () => await silent })
      await s.call('b', {
        do: () => {
          throw new Error('broken')
        },
        retry: { attempts: 1 },
      })
    })
    const [here, elsewhere] = [await openSagas([saga]), await openSagas([saga], false)]
    const { id } = await here.sagas.start(saga, undefined)
    const ended = outcomeOf(here.sagas.result(saga, id))
    for (const { sagas } of [here, elsewhere, here]) {
      const refused = sagas.result(saga, id, { until: 'decided' })
      await expect(refused).rejects.toMatchObject({
        code: 'HF_SAGAS_UNDOING',
        details: { reason: { name: 'Error', message: 'broken', step: 'b' } },
      })
    }
    expect((await here.sagas.get(id))?.state).toBe('compensating')
    answers?.()
    expect(await ended).toContain('HF_SAGAS_COMPENSATED')
    expect(await outcomeOf(elsewhere.sagas.result(saga, id, { until: 'decided' }))).toContain('HF_SAGAS_COMPENSATED')
  })

  test('what was refused has not happened', async () => {
    const saga = three(fresh(), () => {
      throw new Error('refused')
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    await outcomeOf(sagas.result(saga, id))
    expect(await effects(id)).toEqual(['a', 'undo b true true 9', 'undo a 1'])
  })

  test('an error that is caught is no failure; it looks the same after a crash', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      let caught = ''
      try {
        await s.call('a', {
          do: () => {
            throw Object.assign(new Error('no money'), { code: 'CARD_DECLINED' })
          },
          retry: { attempts: 1 },
        })
      } catch (error) {
        caught = (error as { code: string }).code
      }
      await s.sleep('nap', 1_500)
      return caught
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await sagas.result(saga, id)).toBe('CARD_DECLINED')
  })

  test('an undo that fails for good leaves the saga stuck; a retry goes on, a skipped one is passed over', async () => {
    let isBroken = true
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.tx('a', {
        do: async (tx) => await note(tx, s.id, 'a'),
        undo: async (tx) => await note(tx, s.id, 'undo a'),
      })
      await s.call('b', {
        do: () => 1,
        undo: () => {
          if (isBroken) throw new Error('cannot')
        },
        undoRetry: { attempts: 2, backoffMs: 1 },
      })
      throw new Error('enough')
    })
    const { sagas } = await openSagas([saga])
    const [one, two] = [fresh(), fresh()]
    for (const id of [one, two]) {
      await sagas.start(saga, undefined, { id })
      expect(await outcomeOf(sagas.result(saga, id))).toContain('HF_SAGAS_STUCK')
      expect(await effects(id)).toEqual(['a'])
    }
    expect((await sagas.list({ name: saga.name })).map(({ id }) => id).toSorted()).toEqual([one, two].toSorted())
    await sagas.skipUndo(two, 'b', 'seen to by hand', { actor: 'ada' })
    expect(await outcomeOf(sagas.result(saga, two))).toContain('HF_SAGAS_COMPENSATED')
    isBroken = false
    expect(await sagas.retry(one)).toBe(true)
    expect(await outcomeOf(sagas.result(saga, one))).toContain('HF_SAGAS_COMPENSATED')
    expect(await effects(one)).toEqual(['a', 'undo a'])
    const details = await sagas.inspect.details(two)
    expect(details?.actions).toMatchObject([
      { action: 'skip-undo', step: 'b', reason: 'seen to by hand', actor: 'ada' },
    ])
    expect(details?.steps.map(({ undo }) => undo?.state)).toEqual(['done', 'skipped'])
  })

  test('past the pivot nothing is undone: it is stuck until it can go on', async () => {
    let isBroken = true
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.tx('a', {
        do: async (tx) => await note(tx, s.id, 'a'),
        undo: async (tx) => await note(tx, s.id, 'undo a'),
      })
      await s.pivot('sent')
      await s.call('b', {
        do: () => {
          if (isBroken) throw new Error('down')
        },
        retry: { attempts: 1 },
      })
      return 'through'
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await outcomeOf(sagas.result(saga, id))).toContain('HF_SAGAS_STUCK')
    expect(await outcomeOf(sagas.cancel(id))).toContain('HF_SAGAS_PIVOTED')
    isBroken = false
    await sagas.retry(id)
    expect(await sagas.result(saga, id)).toBe('through')
    expect((await sagas.get(id))?.error).toBeNull()
    expect(await effects(id)).toEqual(['a'])
  })

  test('cancelled while it waits, it is undone', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.tx('a', {
        do: async (tx) => await note(tx, s.id, 'a'),
        undo: async (tx) => await note(tx, s.id, 'undo a'),
      })
      await s.waitFor('never')
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    await eventually(async () => expect((await sagas.get(id))?.state).toBe('waiting'))
    expect(await sagas.cancel(id, { actor: 'ada', reason: 'changed my mind' })).toBe(true)
    expect(await outcomeOf(sagas.result(saga, id))).toContain('HF_SAGAS_CANCELLED')
    expect(await effects(id)).toEqual(['a', 'undo a'])
  })

  test('cancelled while it calls, the call is told, and undone as unknown', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.call('slow', {
        do: async ({ signal }) =>
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
        undo: async (_, result) =>
          void (await box.db.query('insert into effects (saga, what) values ($1, $2)', [
            s.id,
            `undo ${String(result)}`,
          ])),
      })
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    await sagas.cancel(id)
    expect(await outcomeOf(sagas.result(saga, id))).toContain('HF_SAGAS_CANCELLED')
    expect(await effects(id)).toEqual(['undo undefined'])
  })
})

/** A schema that takes its time. */
const slowNumber = (ms: number) => ({
  '~standard': {
    version: 1 as const,
    vendor: 'slow',
    validate: async (value: unknown) => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      return typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] }
    },
  },
})

describe('waiting', () => {
  const approval = (name: string) =>
    defineSaga(name, { version: 1 }, async (s) => {
      const first = await s.waitFor<{ ok: boolean }>('approved', { timeoutMs: 60_000 })
      const second = await s.waitFor<{ ok: boolean }>('approved', { timeoutMs: 60_000 })
      return [first.ok, second.ok]
    })

  test('signals are kept until they are waited for, each is taken once, in order', async () => {
    const saga = approval(fresh())
    const { sagas, db } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    await eventually(async () => expect((await sagas.get(id))?.state).toBe('waiting'))
    await db.tx(async (tx) => void (await sagas.signal(tx, id, 'approved', { ok: true })))
    await sagas.signal(id, 'approved', { ok: false }, { key: 'k' })
    expect(await sagas.result(saga, id)).toEqual([true, false])
    expect(await sagas.signal(id, 'approved', { ok: true })).toBe(false)
    expect(await outcomeOf(sagas.signal('nobody', 'approved'))).toContain('HF_SAGAS_NOT_FOUND')
  })

  test('sent before the wait, with a process that only sends', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      await s.call('slow', { do: async () => await new Promise((resolve) => setTimeout(resolve, 100)) })
      return await s.waitFor<number>('go')
    })
    const { sagas } = await openSagas([saga])
    const sender = await openSagas([saga], false)
    const { id } = await sagas.start(saga, undefined)
    expect(await sender.sagas.signal(id, 'go', 5, { key: 'a' })).toBe(true)
    expect(await sender.sagas.signal(id, 'go', 5, { key: 'a' })).toBe(false)
    expect(await sagas.result(saga, id)).toBe(5)
  })

  test('two that wait for one event each get another signal, also where a schema takes its time', async () => {
    const schema = slowNumber(20)
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      const one = async () => await s.waitFor<number>('n', { schema })
      return await Promise.all([one(), one()])
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    for (const n of [1, 'junk', 2]) await sagas.signal(id, 'n', n)
    expect((await sagas.result(saga, id)).toSorted()).toEqual([1, 2])
  })

  test('a signal that comes as it is about to rest is not lost, however long its schema takes', async () => {
    const schema = slowNumber(5)
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => await s.waitFor<number>('n', { schema }))
    const { sagas } = await openSagas([saga])
    const send = async (n: number) => {
      const { id } = await sagas.start(saga, undefined)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 8))
      await sagas.signal(id, 'n', 'junk')
      await sagas.signal(id, 'n', n)
      return await sagas.result(saga, id, { waitMs: 10_000 })
    }
    for (let round = 0; round < 10; round++)
      expect(await Promise.all([1, 2, 3, 4, 5, 6].map(send))).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('no signal in time', async () => {
    const saga = defineSaga(fresh(), { version: 1 }, async (s) => {
      try {
        return await s.waitFor('go', { timeoutMs: 1_200 })
      } catch (error) {
        return (error as { code: string }).code
      }
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await sagas.result(saga, id)).toBe('HF_SAGAS_WAIT_TIMEOUT')
  })

  test('a parked saga holds nothing in its process', async () => {
    const saga = approval(fresh())
    const { sagas } = await openSagas([saga], false)
    const worker = await sagas.work({ pollMs: 50 })
    const { id } = await sagas.start(saga, undefined)
    await eventually(async () => expect((await sagas.get(id))?.state).toBe('waiting'))
    expect(worker.stats()).toMatchObject({ running: 0, parked: 1 })
  })

  test('its time is over', async () => {
    const saga = defineSaga(fresh(), { version: 1, timeoutMs: 300 }, async (s) => {
      await s.tx('a', {
        do: async (tx) => await note(tx, s.id, 'a'),
        undo: async (tx) => await note(tx, s.id, 'undo a'),
      })
      await s.waitFor('go')
    })
    const { sagas } = await openSagas([saga])
    const { id } = await sagas.start(saga, undefined)
    expect(await outcomeOf(sagas.result(saga, id))).toContain('HF_SAGAS_TIMEOUT')
    expect(await effects(id)).toEqual(['a', 'undo a'])
  })
})
