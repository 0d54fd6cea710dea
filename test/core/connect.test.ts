import { createServer, type AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectTo } from '../../src/core/index.js'
import { connect } from '../../src/index.js'
import { openTestDatabase, runAdmin, withDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

describe('what a beginner gets wrong', () => {
  const rewrite = (change: (url: URL) => void) => {
    const url = new URL(box.url)
    change(url)
    return url.href
  }

  test('wrong host', async () => {
    const url = rewrite((each) => (each.hostname = 'no-such-host.invalid'))
    await expect(connectTo({ url })).rejects.toMatchObject({ code: 'HF_CONNECT_HOST_UNKNOWN', exitCode: 3 })
  })

  test('wrong port', async () => {
    const url = rewrite((each) => (each.port = '1'))
    await expect(connectTo({ url })).rejects.toMatchObject({ code: 'HF_CONNECT_REFUSED', exitCode: 3 })
  })

  test('wrong password', async () => {
    const role = `hf_role_${process.pid}`
    await runAdmin(box.ownerUrl, `create role ${role} login password 'right'`)
    const url = rewrite((each) => {
      each.username = role
      each.password = 'wrong-secret'
    })
    const error = await connectTo({ url }).catch((caught: unknown) => caught)
    // A server that trusts loopback lets anyone in; there the role that does not exist is what can be refused.
    const isTrusted = !(error instanceof Error)
    if (isTrusted) await (error as { close(): Promise<void> }).close()
    const refused = isTrusted
      ? await connectTo({ url: rewrite((each) => (each.username = 'nobody_here')) }).catch((caught: unknown) => caught)
      : error
    expect(refused).toMatchObject({ code: 'HF_CONNECT_LOGIN', exitCode: 3 })
    expect(JSON.stringify([(refused as Error).message, (refused as Error).stack])).not.toContain('wrong-secret')
    await runAdmin(box.ownerUrl, `drop role ${role}`)
  })

  test('wrong database', async () => {
    const url = withDatabase(box.url, 'no_such_database')
    await expect(connectTo({ url })).rejects.toMatchObject({ code: 'HF_CONNECT_DATABASE_UNKNOWN', exitCode: 3 })
  })

  test('a URL of another kind, which is never printed', async () => {
    const error = await connectTo({ url: 'mysql://me:hunter2@localhost/x' }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'HF_CONNECT_URL_INVALID', exitCode: 2 })
    expect(String((error as Error).stack)).not.toContain('hunter2')
  })

  test('a host that swallows packets ends at connectMs', async () => {
    const silent = createServer((socket) => socket.resume())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const url = `postgres://me@127.0.0.1:${port}/x`
    await expect(connectTo({ url, pool: { connectMs: 100 } })).rejects.toMatchObject({ code: 'HF_CONNECT_TIMEOUT' })
    await new Promise((resolve) => silent.close(resolve))
  })

  test('too old a server', async () => {
    const old = await startOldServer()
    await expect(connectTo({ url: old.url })).rejects.toMatchObject({
      code: 'HF_CONNECT_SERVER_TOO_OLD',
      exitCode: 3,
      message: expect.stringContaining('9.6.24') as string,
    })
    await old.close()
  })

  test('an unknown option, an option out of range, one of another type', async () => {
    const wrong = (options: object) => connectTo({ url: box.url, ...options })
    await expect(wrong({ acquireMS: 1 })).rejects.toMatchObject({ code: 'HF_OPTIONS_UNKNOWN', exitCode: 2 })
    await expect(wrong({ acquireMS: 1 })).rejects.toThrow('did you mean `acquireMs`?')
    await expect(wrong({ pool: { maxx: 1 } })).rejects.toThrow('did you mean `max`?')
    await expect(wrong({ pool: { max: 0 } })).rejects.toThrow('connect.pool.max must be between 1 and 10000, it is 0.')
    await expect(wrong({ acquireMs: '5s' })).rejects.toThrow('connect.acquireMs must be a number, it is a string.')
  })

  test('production without a url refuses instead of starting a server of its own', async () => {
    const before = { ...process.env }
    process.env['NODE_ENV'] = 'production'
    delete process.env['DATABASE_URL']
    try {
      await expect(connect()).rejects.toMatchObject({ code: 'HF_CONNECT_URL_MISSING', exitCode: 3 })
    } finally {
      Object.assign(process.env, before)
    }
  })
})

describe('a pool of the user’s own', () => {
  test('is used, and stays open when we close', async () => {
    const pool = new pg.Pool({ connectionString: box.url, max: 3 })
    const db = await connectTo({ pool })
    expect(db.pool).toBe(pool)
    expect(db.server.ownsPool).toBe(false)
    expect(await db.sql`select 1 as one`).toEqual([{ one: 1 }])
    await db.close()
    expect((await pool.query('select 2 as two')).rows).toEqual([{ two: 2 }])
    await pool.end()
  })

  test('listen and migrate work from its settings', async () => {
    const pool = new pg.Pool({ connectionString: box.url })
    const db = await connectTo({ pool })
    expect(await db.migrate()).toEqual({ applied: [] })
    const stop = await db.listen('own', () => {})
    await stop()
    await db.close()
    await pool.end()
  })
})

test('after close() calls are refused, and close() may come twice', async () => {
  const db = await connectTo({ url: box.url })
  await db.close()
  await db.close()
  await expect(db.query('select 1')).rejects.toMatchObject({ code: 'HF_POOL_CLOSED' })
})

/** Speaks just enough of the protocol to log a client in and answer any query with version 9.6. */
async function startOldServer(): Promise<{ url: string; close: () => Promise<void> }> {
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5)
    head.write(type)
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const int16 = (value: number) => Buffer.from([value >> 8, value & 255])
  const int32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value].map((each) => each & 255))
  const text = (value: string) => Buffer.from(`${value}\0`)
  const ready = message('Z', Buffer.from('I'))
  const field = (name: string, oid: number) =>
    Buffer.concat([text(name), int32(0), int16(0), int32(oid), int16(-1 & 0xffff), int32(-1), int16(0)])
  const cell = (value: string) => Buffer.concat([int32(value.length), Buffer.from(value)])
  const answer = Buffer.concat([
    message('T', Buffer.concat([int16(2), field('version', 25), field('major', 23)])),
    message('D', Buffer.concat([int16(2), cell('9.6.24'), cell('9')])),
    message('C', text('SELECT 1')),
    ready,
  ])
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', int32(0)), ready]))
      socket.on('data', () => socket.write(answer))
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `postgres://me@127.0.0.1:${(server.address() as AddressInfo).port}/x`,
    close: async () => await new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
