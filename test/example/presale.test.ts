import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PresaleView } from '../../example/src/modules/presale/model.js'
import { watch, type Watch } from '../../src/watch/index.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { addEvent, useBoxOffice, type BoxOfficeUnderTest } from './box-office.js'

let box: BoxOfficeUnderTest
useBoxOffice(async (_, opened) => {
  box = opened
  await box.db.sql`insert into customers (email, name)
    select n || '@presale.example', 'Customer ' || n from generate_series(1, 100) n`
  for (let n = 0; n < 3; n++) await addEvent(box.db, {})
})
let watching: Watch
beforeAll(async () => {
  watching = await watch(box.db, { logger: quietLogger, shapes: false, plans: false, blocking: false, clashEveryMs: 0 })
})
afterAll(async () => await watching?.stop())

async function ask(method: 'GET' | 'PUT', body?: object): Promise<PresaleView> {
  await watching.flush()
  const reply = await box.call(method, '/presale', body)
  return reply.body as unknown as PresaleView
}

/** A crowd on a busy machine; asking takes time from it. */
const patient = { withinMs: 50_000, everyMs: 250 }

test(
  'off, nobody is served; naive, its three faults do harm and are found; guarded, neither',
  { timeout: 120_000 },
  async () => {
    const refused = await box.call('POST', '/presale/promos', { customerId: '1', code: 'A' })
    expect([refused.status, refused.body.code]).toEqual([409, 'BOX_PRESALE_OFF'])

    await ask('PUT', { mode: 'naive' })
    await eventually(async () => {
      const { found, harm } = await ask('GET')
      expect(found.map(({ sentence }) => sentence).toSorted()).toEqual([
        expect.stringMatching(
          /^check then insert: POST \/presale\/promos \(example\/src\/modules\/presale\/repository\.ts:\d+\)/,
        ),
        expect.stringMatching(/^lost update: POST \/presale\/:eventId\/passes .*presale_passes/),
        expect.stringMatching(/^write skew: POST \/presale\/:eventId\/seats\/:number .*presale_seats/),
      ])
      expect(Math.min(...Object.values(harm))).toBeGreaterThan(0)
    }, patient)

    await ask('PUT', { mode: 'guarded' })
    const before = watching.stats().clash?.followed ?? 0
    await eventually(async () => expect(watching.stats().clash?.followed).toBeGreaterThan(before + 60), patient)
    expect(await ask('GET')).toMatchObject({ harm: { oversold: 0, codesUsedTwice: 0, customersOverLimit: 0 } })
    expect(await ask('PUT', { mode: 'off' })).toMatchObject({ mode: 'off', found: [] })
  },
)
