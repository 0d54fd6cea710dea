import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import {
  connectTo,
  isHoldfastError,
  type ConnectOptions,
  type Db,
  type EpochChange,
  type Logger,
  type Notification,
  type Ownership,
} from '../../src/core/index.js'
import { runAdmin, withDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { openReplication, type ReplicaServer, type Replication } from '../helpers/replication.js'

const DEAD = '127.0.0.1:1'
const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }

let pair: Replication
let primary: ReplicaServer
let standby: ReplicaServer
/** Another cluster, with the same superuser and password. */
let foreign: { url: string; host: string }
const opened: Db[] = []

beforeAll(async () => {
  const url = withDatabase(inject('server').url, 'postgres')
  const { host, password } = new URL(url)
  foreign = { url, host }
  pair = await openReplication({ password: decodeURIComponent(password) || 'replication' })
  ;({ primary, standby } = pair)
  await primary.run(`create table mark (id bigint primary key, phase text not null)`)
})

afterAll(async () => {
  await Promise.all(opened.map((db) => db.close()))
  await pair.close()
})

async function open(options: ConnectOptions, ownership?: Ownership): Promise<Db> {
  const db = await connectTo({ url: primary.url, logger: quiet, ...options }, ownership)
  opened.push(db)
  return db
}

const insert = 'insert into mark (id, phase) values ($1, $2)'
const ids = { next: 1 }

describe('where it connects', () => {
  test('to the primary, though the standby is first in the list; LISTEN and migrations too', async () => {
    const db = await open({ hosts: [standby.host, primary.host], role: 'primary' })
    expect(db.server).toMatchObject({ host: primary.host, role: 'primary', epoch: { timeline: 1 } })
    expect(db.server.epoch?.systemIdentifier).toMatch(/^\d{15,}$/)
    await db.query(insert, [ids.next++, 'first'])
    expect((await db.migrate()).applied.length).toBeGreaterThan(0)
    const heard: Notification[] = []
    const stop = await db.listen('where', (event) => void heard.push(event))
    await primary.run(`select pg_notify('where', 'here')`)
    await eventually(() => expect(heard).toEqual([{ payload: 'here', missed: false }]))
    await stop()
  })

  test('past a dead host', async () => {
    const db = await open({ hosts: [DEAD, primary.host] })
    expect(db.server.host).toBe(primary.host)
  })

  test('past a host that swallows packets, without waiting for its deadline', async () => {
    const silent = await openDoor(() => undefined)
    const started = performance.now()
    const db = await open({ hosts: [silent.host, primary.host], pool: { connectMs: 5_000 } })
    expect(db.server.host).toBe(primary.host)
    expect(performance.now() - started).toBeLessThan(2_500)
    await db.close()
    await silent.close()
  })

  test('role standby: reads there, and writes are refused by the server', async () => {
    const db = await open({ hosts: [primary.host, standby.host], role: 'standby' })
    expect(db.server).toMatchObject({ host: standby.host, role: 'standby' })
    expect(await db.sql`select pg_is_in_recovery() as standby`).toEqual([{ standby: true }])
    await expect(db.query(insert, [0, 'standby'])).rejects.toMatchObject({ code: '25006' })
    expect(await db.sql`select 1 as still`).toEqual([{ still: 1 }])
  })

  test('role any: the first in the list; role alone checks the host of the url', async () => {
    const any = await open({ hosts: [standby.host, primary.host], role: 'any' })
    expect(any.server).toMatchObject({ host: standby.host, role: 'standby' })
    const own = await open({ role: 'primary' })
    expect(own.server).toMatchObject({ host: primary.host, role: 'primary' })
    const wrong = open({ url: standby.url, role: 'primary', acquireMs: 200 })
    await expect(wrong).rejects.toMatchObject({ code: 'HF_HOSTS_NONE_ACCEPTABLE' })
  })

  test('as a role without privileges', async () => {
    await primary.run(`create role plain login password 'plain-secret'`)
    const url = primary.url.replace(/\/\/[^@]*@/, '//plain:plain-secret@')
    const db = await open({ url, hosts: [standby.host, primary.host] })
    expect(db.server.epoch?.timeline).toBe(1)
    await eventually(async () => {
      const reader = await open({ url, hosts: [primary.host, standby.host], role: 'standby' })
      expect(reader.server.epoch?.timeline).toBe(1)
    })
  })

  test('nowhere, when none is acceptable: a typed error in time, with each reason and no password', async () => {
    const started = performance.now()
    const error: unknown = await open({ hosts: [DEAD, standby.host], acquireMs: 1_000 }).catch((e: unknown) => e)
    expect(performance.now() - started).toBeLessThan(3_000)
    expect(error).toMatchObject({
      code: 'HF_HOSTS_NONE_ACCEPTABLE',
      retryable: true,
      exitCode: 3,
      details: {
        hosts: [
          { host: DEAD, code: 'HF_CONNECT_REFUSED' },
          { host: standby.host, code: 'HF_HOSTS_WRONG_ROLE' },
        ],
      },
    })
    const secret = new URL(primary.url).password
    expect(JSON.stringify([(error as Error).message, error])).not.toContain(secret)
  })

  test('a query is one statement and nothing more', async () => {
    const db = await open({ hosts: [primary.host], pool: { max: 1 } })
    const client = await db.pool.connect()
    const sent = vi.spyOn(client, 'query')
    client.release()
    for (let each = 0; each < 3; each++) await db.query('select 1')
    expect(sent).toHaveBeenCalledTimes(3)
  })

  test('without hosts nothing is asked or reported', async () => {
    const db = await open({})
    expect(db.server).toEqual({ version: db.server.version, major: db.server.major, ownsPool: true, pooler: 'none' })
    expect(db.onEpoch(() => {})()).toBeUndefined()
  })
})

test('options are checked before anything is opened', async () => {
  const wrong = (options: object) => connectTo({ url: primary.url, ...options })
  await expect(wrong({ host: ['a'] })).rejects.toThrow('did you mean `hosts`?')
  await expect(wrong({ hosts: [DEAD], role: 'primry' })).rejects.toThrow('did you mean "primary"?')
  await expect(wrong({ hosts: DEAD })).rejects.toThrow('connect.hosts must be an array, it is a string.')
  await expect(wrong({ hosts: [] })).rejects.toThrow('connect.hosts is empty')
  await expect(wrong({ hosts: [DEAD, DEAD] })).rejects.toThrow('names the same host twice')
  await expect(wrong({ hosts: ['a:99999'] })).rejects.toThrow('connect.hosts[0] must be "host:port", it is "a:99999".')
  await expect(wrong({ hosts: ['postgres://me:hunter2@a'] })).rejects.toThrow('connect.hosts[0] must be "host:port".')
  await expect(wrong({ hosts: [DEAD], directUrl: foreign.url })).rejects.toThrow('cannot be used with directUrl')
})

describe('what a client meets', () => {
  test('a primary that refuses writes: its client is destroyed, the next write works', async () => {
    const db = await open({ hosts: [primary.host], pool: { max: 1 } })
    await db.query('set default_transaction_read_only = on')
    const before = await readPid(db)
    await expect(db.query(insert, [ids.next, 'readonly'])).rejects.toMatchObject({ code: '25006' })
    await db.query(insert, [ids.next++, 'readonly'])
    expect(await readPid(db)).not.toBe(before)
    // A transaction that asked to be read only has not met a wrong server.
    const after = await readPid(db)
    const refused = db.tx((tx) => tx.query(insert, [0, 'readonly']), { readOnly: true })
    await expect(refused).rejects.toMatchObject({ code: '25006' })
    expect(await readPid(db)).toBe(after)
  })

  test('an address that leads to another cluster: refused, both are named, nothing is sent there', async () => {
    const door = await openDoor(() => primary.host)
    const db = await open({ hosts: [door.host], acquireMs: 1_500 })
    const [theirs] = await runAdmin<{ id: string }>(
      foreign.url,
      'select system_identifier::text as id from pg_control_system()',
    )
    const ours = db.server.epoch?.systemIdentifier ?? ''
    door.lead(() => foreign.host)
    const error: unknown = await db.query('create table astray ()').catch((e: unknown) => e)
    // The first one had its connection cut under it, or waited in vain.
    expect(isHoldfastError(error)).toBe(true)
    await expect(db.query('create table astray ()')).rejects.toMatchObject({
      code: 'HF_HOSTS_OTHER_CLUSTER',
      details: { hosts: [{ host: door.host }] },
      message: expect.stringMatching(new RegExp(`${theirs?.id}.*${ours}`)) as string,
    })
    const [astray] = await runAdmin<{ found: string | null }>(foreign.url, `select to_regclass('astray') as found`)
    expect(astray?.found).toBeNull()
    await db.close()
    await door.close()
  })

  test('an address that turns from primary to standby: writes wait, and can be aborted', async () => {
    const door = await openDoor(() => primary.host)
    const db = await open({ hosts: [door.host], acquireMs: 10_000 })
    door.lead(() => standby.host)
    await waitEmpty(db)
    const aborted = db.query('select 1', [], { signal: AbortSignal.timeout(200) })
    await expect(aborted).rejects.toMatchObject({ code: 'HF_QUERY_ABORTED' })
    const waiting = db.query(insert, [ids.next++, 'turned'])
    door.lead(() => primary.host)
    await waiting
    await db.close()
    await door.close()
  })
})

describe('failover', () => {
  let db: Db
  const changes: EpochChange[] = []
  const heard: Notification[] = []
  const acknowledged: number[] = []
  const refused: number[] = []
  const unknown: number[] = []

  test('writes go on within 2 s of the promotion, none is lost, none reaches the old primary', async () => {
    db = await open({ hosts: [primary.host, standby.host], acquireMs: 20_000, pool: { max: 8 } })
    db.onEpoch((change) => void changes.push(change))
    await db.listen('news', (event) => void heard.push(event))
    const reader = await open({ hosts: [standby.host, primary.host], role: 'standby', acquireMs: 1_500 })
    const traffic = startWriters(8)
    await traffic.acknowledge(200)

    const killedAt = performance.now()
    await primary.kill()
    await standby.promote()
    const promotedAt = performance.now()
    await traffic.acknowledge(1)
    const gapMs = performance.now() - promotedAt
    expect(gapMs).toBeLessThan(2_000)

    // Readers of a standby that is promoted under them are told, not left there: what they asked for is gone.
    await Promise.all([reader.query('select 1'), waitEmpty(reader)])
    await expect(reader.query('select 1')).rejects.toMatchObject({ code: 'HF_HOSTS_NONE_ACCEPTABLE' })

    // The old one comes back writable, first in the list, while the traffic goes on.
    await primary.start({ synchronous_standby_names: '' })
    traffic.phase = 'both'
    await primary.run(`insert into mark values (0, 'by hand')`)
    for (let round = 0; round < 3; round++) {
      await standby.run(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast' and pid <> pg_backend_pid()`,
      )
      await traffic.acknowledge(50)
    }
    await traffic.stop()

    const rows = await standby.run<{ id: number }>('select id::int as id from mark')
    const there = new Set(rows.map(({ id }) => id))
    const lost = acknowledged.filter((id) => !there.has(id))
    const ghosts = refused.filter((id) => there.has(id))
    const [astray] = await primary.run<{ count: number }>(
      `select count(*)::int as count from mark where phase = 'both'`,
    )
    console.log(
      `failover: first write ${gapMs.toFixed(0)} ms after the promotion, ${(promotedAt - killedAt).toFixed(0)} ms kill to promotion; ` +
        `${acknowledged.length} acknowledged, ${lost.length} lost, ${refused.length} refused, ${unknown.length} unknown, ${astray?.count} on the old primary`,
    )
    expect({ lost, ghosts, astray }).toEqual({ lost: [], ghosts: [], astray: { count: 0 } })
  }, 60_000)

  test('listeners of the epoch hear of it once, those of NOTIFY that they may have missed something', async () => {
    const { systemIdentifier } = changes[0] ?? {}
    expect(changes).toEqual([{ systemIdentifier, timeline: 2, before: { systemIdentifier, timeline: 1 } }])
    expect(db.server).toMatchObject({ host: standby.host, role: 'primary', epoch: { systemIdentifier, timeline: 2 } })
    await eventually(() => expect(heard[0]).toEqual({ payload: '', missed: true }))
    await eventually(async () => {
      await standby.run(`select pg_notify('news', 'from the new one')`)
      expect(heard.at(-1)).toEqual({ payload: 'from the new one', missed: false })
    })
  })

  test('a process that starts now takes the higher timeline, though the old primary is first and writable', async () => {
    const fresh = await open({ hosts: [primary.host, standby.host] })
    expect(fresh.server).toMatchObject({ host: standby.host, epoch: { timeline: 2 } })
  })

  test('without the check of the timeline a write reaches the old primary', async () => {
    const careless = await open({ hosts: [primary.host, standby.host] }, { acceptsLowerTimelines: true })
    expect(careless.server).toMatchObject({ host: primary.host, epoch: { timeline: 1 } })
    await careless.query(insert, [ids.next++, 'careless'])
    expect(await standby.run(`select 1 from mark where phase = 'careless'`)).toEqual([])
    expect(await primary.run(`select 1 from mark where phase = 'careless'`)).toHaveLength(1)
  })

  test('an idle client of the old epoch is not handed out again, a transaction there cannot commit', async () => {
    const door = await openDoor(() => primary.host)
    const other = await open({ hosts: [door.host, DEAD], pool: { max: 2 } }, { acceptsLowerTimelines: true })
    expect(other.server.epoch?.timeline).toBe(1)
    const told: EpochChange[] = []
    other.onEpoch((change) => void told.push(change))
    const torn = other.tx(async (tx) => {
      await tx.query(insert, [ids.next++, 'torn'])
      // New connections lead to the new primary; the one of this transaction stays where it is.
      door.lead(() => standby.host, { cut: false })
      const renewed = await takeNew(other)
      expect(renewed.port).toBe(standby.port)
      expect(told).toMatchObject([{ timeline: 2, before: { timeline: 1 } }])
    })
    await expect(torn).rejects.toMatchObject({ code: 'HF_QUERY_CONNECTION_LOST' })
    expect(await primary.run(`select 1 from mark where phase = 'torn'`)).toEqual([])
    const { rows } = await other.query<{ port: number }>('select inet_server_port() as port')
    expect(rows).toEqual([{ port: standby.port }])
    await other.close()
    await door.close()
  })

  test('with only the old primary left it refuses and says why, and goes on when the new one is back', async () => {
    await standby.stop()
    const error: unknown = await db.query(insert, [0, 'never'], { signal: AbortSignal.timeout(50) }).catch((e) => e)
    expect(error).toBeInstanceOf(Error)
    const unaware = await open({ hosts: [primary.host] })
    // A new process cannot know of the other timeline: this is what it does not guarantee.
    expect(unaware.server.epoch?.timeline).toBe(1)
    expect(db.server.epoch?.timeline).toBe(2)
    await standby.start()
    await db.query(insert, [ids.next++, 'after'])
    expect(await primary.run(`select 1 from mark where phase in ('never', 'after')`)).toEqual([])
  })

  test('the old timeline alone is a typed error', async () => {
    const door = await openDoor(() => standby.host)
    const wary = await open({ hosts: [door.host], acquireMs: 1_500 })
    expect(wary.server.epoch?.timeline).toBe(2)
    door.lead(() => primary.host)
    await waitEmpty(wary)
    // On a busy machine a host may not even have said so in time.
    await eventually(
      async () =>
        await expect(wary.query('select 1')).rejects.toMatchObject({
          code: 'HF_HOSTS_OLD_TIMELINE',
          message: expect.stringContaining('is on timeline 1; timeline 2') as string,
        }),
      { withinMs: 15_000 },
    )
    await wary.close()
    await door.close()
  })

  function startWriters(count: number) {
    const state = { phase: 'before', isStopped: false }
    const watchers = new Set<() => void>()
    const write = async () => {
      while (!state.isStopped) {
        const id = ids.next++
        // Taken before the transaction: a write that was under way when the old primary came back is not counted as sent later.
        const { phase } = state
        try {
          await db.tx((tx) => tx.query(insert, [id, phase]))
          acknowledged.push(id)
          for (const watch of watchers) watch()
        } catch (error) {
          if (isHoldfastError(error, 'HF_TX_OUTCOME_UNKNOWN')) unknown.push(id)
          else refused.push(id)
        }
      }
    }
    const writers = Promise.all(Array.from({ length: count }, write))
    return {
      set phase(value: string) {
        state.phase = value
      },
      /** Resolves when this many more have been acknowledged. */
      acknowledge: async (more: number) => {
        const goal = acknowledged.length + more
        await new Promise<void>((resolve) => {
          const watch = () => {
            if (acknowledged.length < goal) return
            watchers.delete(watch)
            resolve()
          }
          watchers.add(watch)
        })
      },
      stop: async () => {
        state.isStopped = true
        await writers
      },
    }
  }
})

async function waitEmpty(db: Db): Promise<void> {
  await eventually(() => expect(db.pool.totalCount).toBe(0))
}

async function readPid(db: Db): Promise<number> {
  const { rows } = await db.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid ?? 0
}

/** A second client beside a busy one, taken by hand: nested on purpose. */
async function takeNew(db: Db): Promise<{ port: number }> {
  const client = await db.pool.connect()
  try {
    return (await client.query<{ port: number }>('select inet_server_port() as port')).rows[0] ?? { port: 0 }
  } finally {
    client.release()
  }
}

/** An address that leads wherever `target` says, like a DNS name or a proxy; undefined swallows what is sent. */
async function openDoor(target: () => string | undefined) {
  let find = target
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const to = find()
    const ends = [socket]
    if (to !== undefined) {
      const [host = '', port] = to.split(':')
      const onward = connectSocket(Number(port), host)
      ends.push(onward)
      socket.pipe(onward).pipe(socket)
    }
    for (const end of ends) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        sockets.delete(end)
        for (const each of ends) each.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => sockets.forEach((socket) => socket.destroy())
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead: (next: () => string | undefined, { cut: isCut = true } = {}) => {
      find = next
      if (isCut) cut()
    },
    close: async () => {
      cut()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
