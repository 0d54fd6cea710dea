// What an application does, many times and at once, with everything counted that must happen exactly once.
import assert from 'node:assert/strict'
import http from 'node:http'

const ROUNDS = 20

/**
 * @param {typeof import('holdfast')} holdfast
 * @param {string} url
 * @param {{ inSpan: <T>(name: string, body: () => Promise<T>) => Promise<T>, activeSpan: () => string | undefined }} tracing
 */
export async function runWork({ connect, currentRequest }, url, { inSpan, activeSpan }) {
  const db = await connect({ url, pool: { max: 4 } })
  let settled = 0
  let effects = 0

  /** @param {number} round */
  async function runRound(round) {
    const span = activeSpan()
    const requestId = currentRequest()?.requestId
    const stayInContext = () => {
      assert.equal(activeSpan(), span, 'the active span after an await')
      assert.equal(currentRequest()?.requestId, requestId, 'the request after an await')
    }
    const one = await db.query('select $1::int as n', [round])
    assert.deepEqual(one.rows, [{ n: round }])
    stayInContext()

    // BEGIN and the first statement go in one flight.
    await db.tx(async (tx) => {
      stayInContext()
      const first = await tx.query('insert into work (round, kind) values ($1, $2) returning round', [round, 'kept'])
      assert.deepEqual([first.rows, first.rowCount, first.command], [[{ round }], 1, 'INSERT'])
      stayInContext()
      const state = await tx.sql`select pg_current_xact_id_if_assigned() is not null as open, ${round}::int as round`
      assert.deepEqual(state, [{ open: true, round }])
      tx.afterCommit(() => void effects++)
    })
    stayInContext()
    await db.tx(async (tx) => await tx.query('select 1')).then(() => settled++)

    const rolledBack = db.tx(async (tx) => {
      await tx.query('insert into work (round, kind) values ($1, $2)', [round, 'undone'])
      throw new Error('undo')
    })
    await assert.rejects(
      rolledBack.finally(() => settled++),
      { message: 'undo' },
    )
    stayInContext()
    await assert.rejects(
      db.query('select 1 / $1::int', [0]).finally(() => settled++),
      { code: '22012' },
    )
    const failsFirst = db.tx(async (tx) => await tx.query('select 1 / $1::int', [0]))
    await assert.rejects(
      failsFirst.finally(() => settled++),
      { code: '22012' },
    )
    stayInContext()
    const slow = db.tx(async (tx) => {
      await tx.query('select $1::int', [round])
      await tx.query('select pg_sleep($1)', [5], { signal: AbortSignal.timeout(20) })
    })
    await assert.rejects(
      slow.finally(() => settled++),
      { code: 'HF_QUERY_ABORTED' },
    )
    const slowFirst = db.tx(async (tx) => await tx.query('select pg_sleep($1)', [5], { deadlineMs: 20 }))
    await assert.rejects(
      slowFirst.finally(() => settled++),
      { code: 'HF_QUERY_DEADLINE' },
    )
    stayInContext()
    const named = await db.tx(async (tx) => await tx.query('select $1::int as n', [round], { name: 'by-round' }))
    assert.deepEqual(named.rows, [{ n: round }])
    stayInContext()
  }

  await db.query('create table if not exists work (round int, kind text)')
  await db.query('truncate work')
  const aborted = db.query('select pg_sleep($1)', [5], { signal: AbortSignal.timeout(20) })
  await assert.rejects(aborted, { code: 'HF_QUERY_ABORTED' })
  await Promise.all(
    Array.from({ length: ROUNDS }, async (_, round) =>
      inSpan(`round ${round}`, async () => await db.runRequest({ requestId: `r${round}` }, () => runRound(round))),
    ),
  )
  const kinds = await db.sql`select kind, count(*)::int as n from work group by kind`
  assert.deepEqual(kinds, [{ kind: 'kept', n: ROUNDS }])
  await inSpan('http', async () => await db.runRequest({ requestId: 'http' }, async () => await callHttp(activeSpan)))
  assert.equal(currentRequest(), undefined)
  const { pool } = db.stats()
  assert.equal(pool.busy, 0)
  await db.close()
  return { rounds: ROUNDS, settled, effects }
}

/** An outgoing call that both holdfast (times) and the tracer (spans) watch. @param {() => string | undefined} activeSpan */
async function callHttp(activeSpan) {
  const server = http.createServer((_request, response) => void response.end('hello'))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  const span = activeSpan()
  const text = await new Promise((resolve, reject) => {
    const request = http.get({ port: address.port, host: '127.0.0.1', agent: false }, (response) => {
      response.setEncoding('utf8')
      response.on('data', resolve)
    })
    request.on('error', reject)
  })
  assert.equal(text, 'hello')
  assert.equal(activeSpan(), span)
  await new Promise((resolve) => server.close(resolve))
}
