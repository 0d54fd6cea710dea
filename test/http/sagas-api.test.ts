import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SagaActionDocument, SagaDocument, SagasDocument } from '../../src/http/contract.js'
import { createHttp, type HttpHandler } from '../../src/http/index.js'
import { createSagas, defineSaga, type SagaDefinition, type Sagas, type Worker } from '../../src/sagas/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { FakeDb } from './fake-db.js'

const token = 'correct-horse-battery-staple'
const origin = 'http://db.example.com'
const mine = { authorization: `Bearer ${token}`, origin, 'x-holdfast-action': '1' }

let fails = true
const refund = (): void => {
  if (fails) throw new Error('the bank is closed')
}
const checkout = defineSaga('checkout', { version: 1 }, async (s, input: { order: string; card: string }) => {
  await s.tx('reserve', { do: async () => ({ seat: 'A7' }), undo: async () => {} })
  await s.call('charge', { do: () => ({ receipt: 'secret-9' }), undo: refund, undoRetry: { attempts: 1 } })
  await s.call('ship', {
    do: () => {
      throw new Error(`no truck for ${input.order}`)
    },
    retry: { attempts: 1 },
    isRefusal: () => true,
  })
})
const order = defineSaga('order', { version: 3 }, async (s) => {
  await s.waitFor('paid', { timeoutMs: 3_600_000 })
  await s.pivot()
  await s.call('send', {
    do: () => {
      throw new Error('no such address')
    },
    retry: { attempts: 1 },
  })
})
const old = defineSaga('legacy', { version: 2 }, async (s) => await s.sleep('night', 3_600_000))

let box: TestDatabase
let sagas: Sagas
let worker: Worker
let http: HttpHandler

beforeAll(async () => {
  box = await openTestDatabase()
  sagas = await createSagas(box.db, { sagas: [checkout, order], logger: quietLogger })
  http = createHttp(box.db, { token })
})

afterAll(async () => {
  http.close()
  await sagas.close()
  await box.close()
})

function ask(path: string, method = 'GET', headers: Record<string, string> = mine, handler = http): Promise<Response> {
  return handler.fetch(new Request(`${origin}/_holdfast/api/sagas${path}`, { method, headers }))
}

async function read<T>(path: string, method = 'GET', handler = http): Promise<T> {
  const answer = await ask(path, method, mine, handler)
  expect(answer.status, path).toBe(200)
  return (await answer.json()) as T
}

async function readCode(path: string, method = 'GET', headers = mine, handler = http): Promise<[number, string]> {
  const answer = await ask(path, method, headers, handler)
  return [answer.status, ((await answer.json()) as { code: string }).code]
}

const find = (id: string, query = ''): Promise<SagaDocument> => read(`/saga?id=${encodeURIComponent(id)}${query}`)
const inState = async (id: string, state: string): Promise<SagaDocument> =>
  await eventually(async () => {
    const saga = await find(id)
    expect(saga.state).toBe(state)
    return saga
  })

describe('one after the other', () => {
  it('knows none, then some that no process has the code of', async () => {
    const empty = await read<SagasDocument>('')
    expect(empty).toMatchObject({ isConnected: true, workers: [], sagas: [], isMore: false })
    expect(empty.kinds.map(({ name, version, workers }) => `${name} v${version} ${workers}`)).toEqual([
      'checkout v1 0',
      'order v3 0',
    ])
    expect(empty.verdict).toEqual({
      severity: 'ok',
      sentence: 'Nothing is wrong: no saga is stuck, 0 run, 0 wait, no workers are alive.',
      also: [],
    })
    const others = await createSagas(box.db, { sagas: [old], logger: quietLogger })
    await others.start(old as SagaDefinition<undefined, unknown>, undefined, { id: 'legacy:1' })
    await others.close()
    const { verdict } = await read<SagasDocument>('')
    expect(verdict).toMatchObject({
      severity: 'act',
      sentence: '1 saga is under way (legacy v2), and no process works.',
    })
    worker = await sagas.work({ pollMs: 50 })
    const loud = await read<SagasDocument>('')
    expect(loud.verdict.sentence).toBe('1 saga of legacy v2 has no code: no live process has registered this version.')
    expect(loud.verdict.fix).toContain('version 2 of legacy')
    expect(loud.workers).toMatchObject([{ isAlive: true, sagas: { count: 0, isMore: false } }])
    expect((await find('legacy:1')).sentence).toMatch(
      /^It could go on for \d+ m?s, and no live process has the code of legacy v2\.$/,
    )
  })

  it('shows one that is stuck in undoing, step by step; inputs and outputs only when asked for', async () => {
    await sagas.start(checkout, { order: '7', card: 'secret-4242' }, { id: 'order:7' })
    const saga = await inState('order:7', 'stuck')
    expect(saga.sentence).toBe(
      'It is stuck in undoing: the undo of charge has failed for good after 1 attempt. Error: the bank is closed.',
    )
    expect(saga.error).toMatchObject({ message: 'no truck for 7', step: 'ship' })
    expect(
      saga.steps.map(({ name, outcome, undo, isToUndo }) => [name, outcome, undo?.state ?? null, isToUndo]),
    ).toEqual([
      ['reserve', 'done', null, true],
      ['charge', 'done', 'failing', false],
      ['ship', 'refused', null, false],
    ])
    expect(saga).toMatchObject({ hasPayloads: false, input: null, hasCode: true, actions: [] })
    expect(JSON.stringify(saga)).not.toContain('secret')
    const whole = await find('order:7', '&payload=1')
    expect(whole.input).toEqual({ text: '{"card": "secret-4242", "order": "7"}', isCut: false })
    expect(whole.steps[1]?.output).toEqual({ text: '{"receipt": "secret-9"}', isCut: false })
    const { sagas: failing, verdict, kinds } = await read<SagasDocument>('')
    expect(failing[0]).toMatchObject({ id: 'order:7', state: 'stuck', failing: { step: 'charge', attempts: 1 } })
    expect(failing.map(({ id }) => id)).toEqual(['order:7'])
    expect(kinds[0]).toMatchObject({ name: 'checkout', stuck: { count: 1, isMore: false } })
    expect(verdict.also).toEqual(['1 saga of checkout v1 is stuck, and waits for a person.'])
  })

  it('cuts long payloads', async () => {
    await sagas.start(checkout, { order: '8', card: 'x'.repeat(5_000) }, { id: 'order:8' })
    await inState('order:8', 'stuck')
    const { input } = await find('order:8', '&payload=1')
    expect([input?.text.length, input?.isCut]).toEqual([2_000, true])
  })

  it('skips an undo for a reason, retries, and keeps who did it', async () => {
    expect(await readCode('/skip?id=order:7&step=charge', 'POST')).toEqual([400, 'HF_HTTP_PARAMETER'])
    expect(await readCode('/skip?id=order:7&step=nothing&reason=x', 'POST')).toEqual([409, 'HF_SAGAS_NOT_STUCK'])
    const query = `?id=order:7&step=charge&reason=${encodeURIComponent('refunded by hand, #99')}`
    expect(await read<SagaActionDocument>(`/skip${query}`, 'POST')).toEqual({ isDone: true })
    const skipped = await inState('order:7', 'compensated')
    expect(skipped.actions).toMatchObject([
      { action: 'skip-undo', step: 'charge', reason: 'refunded by hand, #99', actor: 'dashboard' },
    ])
    expect(skipped.steps.map(({ undo }) => undo?.state)).toEqual(['done', 'skipped', undefined])
    expect(skipped.sentence).toMatch(/^It failed and was undone, after \d+ m?s: Error: no truck for 7\.$/)
    fails = false
    expect(await read<SagaActionDocument>('/retry?id=order:8', 'POST')).toEqual({ isDone: true })
    expect((await inState('order:8', 'compensated')).actions).toMatchObject([{ action: 'retry', reason: null }])
    expect(await read<SagaActionDocument>('/retry?id=order:8', 'POST')).toEqual({ isDone: false })
    expect(await read<SagaActionDocument>('/cancel?id=order:8', 'POST')).toEqual({ isDone: false })
  })

  it('tells what a saga waits for, cancels it, and refuses that past its pivot', async () => {
    const start = async (id: string): Promise<unknown> =>
      await sagas.start(order as SagaDefinition<undefined, unknown>, undefined, { id })
    await start('order:9')
    await start('order:10')
    const waits = await inState('order:9', 'waiting')
    expect(waits.sentence).toBe('It waits for the signal paid, for 60 min at most.')
    expect(waits.doing).toMatchObject([{ name: 'paid', kind: 'wait', until: expect.any(Number) as number }])
    const { sagas: waiting } = await read<SagasDocument>('?state=waiting&name=order')
    expect(waiting.map(({ id }) => id).toSorted()).toEqual(['order:10', 'order:9'])
    expect((await read<SagasDocument>('?state=waiting&name=checkout')).sagas).toEqual([])
    expect(await read('/cancel?id=order:9&reason=changed+my+mind', 'POST')).toEqual({ isDone: true })
    const undone = await inState('order:9', 'compensated')
    expect(undone.actions).toMatchObject([{ action: 'cancel', reason: 'changed my mind', actor: 'dashboard' }])
    await sagas.signal('order:10', 'paid')
    const pivoted = await inState('order:10', 'stuck')
    expect(pivoted.signals).toMatchObject([{ event: 'paid', fate: 'taken' }])
    expect(pivoted.sentence).toBe('It is stuck after its pivot, so that it can only go on: Error: no such address.')
    expect(await readCode('/cancel?id=order:10', 'POST')).toEqual([409, 'HF_SAGAS_PIVOTED'])
    const states = await Promise.all(
      ['stuck', 'compensating', 'overdue', 'running', 'done', 'compensated'].map(async (state) =>
        (await read<SagasDocument>(`?state=${state}`)).sagas.map(({ id }) => id).toSorted(),
      ),
    )
    expect(states).toEqual([['order:10'], [], [], ['legacy:1'], [], ['order:7', 'order:8', 'order:9']])
  })

  it('lists stuck ones, then those being undone, then the overdue, and those of a process that is gone', async () => {
    await box.db.query(`
      insert into holdfast.sagas_instances (id, kind, state, is_undoing, wake_at, ends_by)
      select 'paused:' || n, k.id, 'compensating', true, now() + interval '1 hour', now() + interval '1 day'
        from holdfast.sagas_kinds k, generate_series(1, 2) n where k.name = 'checkout'`)
    await box.db.query(
      `update holdfast.sagas_instances set wake_at = now() - interval '1 minute' where id = 'legacy:1'`,
    )
    // Nobody is left that would hand them on.
    await worker.stop()
    await box.db.query(`
      with gone as (
        insert into holdfast.sagas_workers (instance, lease_ms, kinds, seen_at) values ('gone:1', 1, '{}', now() - interval '1 day')
        returning id)
      insert into holdfast.sagas_instances (id, kind, state, owner, ends_by)
      select 'orphan:1', k.id, 'running', gone.id, now() + interval '1 day'
        from gone, holdfast.sagas_kinds k where k.name = 'legacy'`)
    const { sagas: failing, verdict, workers } = await read<SagasDocument>('')
    expect(failing.map(({ id }) => id)).toEqual(['order:10', 'paused:2', 'paused:1', 'legacy:1', 'orphan:1'])
    expect(failing[1]?.dueMs).toBeLessThan(-3_500_000)
    expect(failing[3]?.dueMs).toBeGreaterThan(59_000)
    expect(workers).toMatchObject([{ instance: 'gone:1', isAlive: false }])
    expect(verdict.sentence).toBe('5 sagas are under way (order v3, checkout v1, legacy v2), and no process works.')
    expect((await find('paused:1')).sentence).toMatch(/^It is being undone, and goes on in 60 min\.$/)
  })
})

describe('what is refused', () => {
  it.each(['/cancel?id=a', '/retry?id=a', '/skip?id=a&step=b&reason=c'])(
    '%s with GET, from elsewhere and without a token',
    async (path) => {
      expect(await readCode(path)).toEqual([405, 'HF_HTTP_METHOD'])
      expect(await readCode(path, 'POST', { ...mine, origin: 'http://evil.example.com' })).toEqual([
        403,
        'HF_HTTP_ORIGIN',
      ])
      expect(await readCode(path, 'POST', { ...mine, 'x-holdfast-action': '' })).toEqual([403, 'HF_HTTP_ORIGIN'])
      expect(await readCode(path, 'POST', { ...mine, authorization: '' })).toEqual([401, 'HF_HTTP_UNAUTHORIZED'])
      expect(await readCode(path, 'POST')).toEqual([404, 'HF_SAGAS_NOT_FOUND'])
    },
  )

  it.each([
    ['?state=lost', 'GET'],
    ['?name=%00', 'GET'],
    ['/saga', 'GET'],
    ['/saga?id=a%20b', 'GET'],
    [`/saga?id=${'x'.repeat(151)}`, 'GET'],
    ['/cancel', 'POST'],
    [`/retry?id=a&reason=${'x'.repeat(501)}`, 'POST'],
    ['/retry?id=a&reason=%00', 'POST'],
    ['/skip?id=a&reason=c', 'POST'],
    ['/skip?id=a&step=b&reason=%20', 'POST'],
  ])('%s %s is a typed refusal', async (path, method) => {
    expect(await readCode(path, method)).toEqual([400, 'HF_HTTP_PARAMETER'])
  })

  it('a saga that is not there', async () => {
    expect(await readCode('/saga?id=nobody')).toEqual([404, 'HF_SAGAS_NOT_FOUND'])
  })
})

describe('what is not there', () => {
  it('tables of sagas: it says so, and what to do', async () => {
    const bare = await openTestDatabase({ migrated: false })
    const other = createHttp(bare.db, { token })
    const document = await read<SagasDocument>('', 'GET', other)
    const refusals = [
      await readCode('/saga?id=a', 'GET', mine, other),
      await readCode('/retry?id=a', 'POST', mine, other),
    ]
    other.close()
    await bare.close()
    expect(document).toMatchObject({ isConnected: false, kinds: [], sagas: [] })
    expect(document.verdict).toMatchObject({
      severity: 'watch',
      sentence: expect.stringContaining('not in this database') as string,
    })
    expect(document.verdict.fix).toContain('holdfast migrate')
    expect(refusals).toEqual([
      [404, 'HF_HTTP_NO_SAGAS'],
      [404, 'HF_HTTP_NO_SAGAS'],
    ])
  })

  it('a database that can be asked', async () => {
    const other = createHttp(new FakeDb(), { token })
    const document = await read<SagasDocument>('', 'GET', other)
    const refusal = await readCode('/saga?id=a', 'GET', mine, other)
    other.close()
    expect([document.isConnected, document.verdict.fix]).toEqual([
      false,
      'Pass what connect() gave you: `createHttp(db)`.',
    ])
    expect(refusal).toEqual([404, 'HF_HTTP_NO_SAGAS'])
  })
})
