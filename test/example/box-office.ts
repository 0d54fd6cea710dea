import { createAdaptorServer } from '@hono/node-server'
import type { Db } from 'holdfast'
import { createHttp } from 'holdfast/http'
import { createHolds, type Holds } from 'holdfast/holds'
import { createIdempotency, type Idempotency } from 'holdfast/idempotency'
import { createLocks, type Locks } from 'holdfast/locks'
import type { Server } from 'node:http'
import type { Worker } from 'holdfast/sagas'
import { afterAll, beforeAll } from 'vitest'
import { createBoxOffice } from '../../example/src/app.js'
import { migrate } from '../../example/src/database/migrate.js'
import { migrations } from '../../example/src/database/migrations/index.js'
import { createBoxJobs, type BoxJobs } from '../../example/src/jobs.js'
import { createBoxSagas, type BoxSagas } from '../../example/src/sagas.js'
import { createAuditLog } from '../../example/src/modules/audit/audit-log.js'
import { numberedSeats, standingPlaces } from '../../example/src/modules/holds/model.js'
import { createImporter, type ImporterOptions } from '../../example/src/modules/history/importer.js'
import { createPlaces, type Places } from '../../example/src/modules/holds/places.js'
import { createPaymentsClient } from '../../example/src/modules/payments/client.js'
import { createPaymentsService, type PaymentsService } from '../../example/src/modules/payments/service.js'
import { createPaymentsApp } from '../../example/src/payments/app.js'
import type { DialSettings } from '../../example/src/payments/dials.js'
import { paymentsMigrations } from '../../example/src/payments/tables.js'
import { createDomainEvents } from '../../example/src/utils/domain-events.js'
import { closeServer, listen } from '../../example/src/utils/listen.js'
import { createLogger } from '../../example/src/utils/logger.js'
import { connectTo } from '../../src/core/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

export interface Reply {
  status: number
  headers: Headers
  body: ReplyBody
}

/** Every field that some answer has. A test reads those it expects, and fails where one is missing. */
export interface ReplyBody {
  id: string
  status: string | number
  code: string
  fix: string
  fields: { path: string; message: string }[]
  orderId: string
  refusal: { code: string } | null
  isCancelled: boolean
  tickets: { code: string; seatId: string | null }[]
  items: { id: string; total: { cents: number } }[]
  seats: { id: string; isFree: boolean }[]
  holdIds: string[]
  expiresAt: string
  standing: { remaining: number }
  next: string | null
  slowMs: number
}

export interface LogLine {
  msg: string
  requestId?: string
  [field: string]: unknown
}

export interface PaymentsUnderTest {
  db: Db
  url: string
  call(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Reply>
  turn(dials: Partial<DialSettings>): Promise<void>
  close(): Promise<void>
}

export interface BoxOfficeUnderTest {
  db: Db
  databaseUrl: string
  url: string
  /** Nothing runs them until a test starts a worker. */
  jobs: BoxJobs
  /** Run from the start by `sagaWorker`. */
  sagas: BoxSagas
  sagaWorker: Worker
  idempotency: Idempotency
  holds: Holds
  locks: Locks
  places: Places
  lines: LogLine[]
  /** Each POST is an intent of its own unless `headers` have a key. */
  call(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Reply>
  close(): Promise<void>
}

/** The payments service, listening, on a database of its own. */
export async function openPayments(): Promise<PaymentsUnderTest> {
  const database = await openTestDatabase()
  await migrate(database.db, paymentsMigrations)
  const logger = createLogger({ name: 'payments', level: 'silent' })
  const idempotency = createIdempotency(database.db, { logger })
  const { app } = createPaymentsApp({ db: database.db, idempotency, logger })
  const { url, close } = await serve(app.fetch)
  return {
    db: database.db,
    url,
    call: (method, path, body, headers) => call(url, method, path, body, headers),
    turn: async (dials) => {
      const reply = await call(url, 'PUT', '/dials', dials)
      if (reply.status !== 200) throw new Error(`PUT /dials answered ${reply.status}`)
    },
    close: async () => {
      await close()
      await idempotency.close()
      await database.close()
    },
  }
}

/** The box office's side of payments, with a deadline as short as a test needs. */
export function connectPayments(url: string, timeoutMs: number): PaymentsService {
  const logger = createLogger({ name: 'box-office', level: 'silent' })
  return createPaymentsService({ client: createPaymentsClient({ url, timeoutMs }), logger })
}

export interface Patience {
  /** With one call to payments. */
  timeoutMs?: number
  /** Of a buyer. */
  buyerWaitsMs?: number
  /** Of the history: smaller and faster than for people. */
  history?: Omit<ImporterOptions, 'db' | 'logger'>
}

/** The box office, listening, on a database of its own, with its log kept. Patient: a busy machine is no fault. */
export async function openBoxOffice(paymentsUrl: string, patience: Patience = {}): Promise<BoxOfficeUnderTest> {
  const database = await openTestDatabase({ connect: { pool: { max: 10 } } })
  await migrate(database.db, migrations)
  return await startBoxOffice(database, paymentsUrl, patience)
}

/** Another process of a box office, as far as its database can tell. To be closed before that one. */
export async function openTwin({ databaseUrl: url }: BoxOfficeUnderTest, paymentsUrl: string, patience: Patience = {}) {
  const db = await connectTo({ url, directUrl: url, heartbeatMs: 600_000, pool: { max: 10 } })
  return await startBoxOffice({ db, url, close: async () => await db.close() }, paymentsUrl, patience)
}

async function startBoxOffice(
  database: Pick<TestDatabase, 'db' | 'url' | 'close'>,
  paymentsUrl: string,
  { timeoutMs = 15_000, buyerWaitsMs = 30_000, history }: Patience,
): Promise<BoxOfficeUnderTest> {
  const lines: LogLine[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) }
  const logger = createLogger({ name: 'box-office', destination })
  const payments = createPaymentsService({ client: createPaymentsClient({ url: paymentsUrl, timeoutMs }), logger })
  const holds = await createHolds(database.db, { from: [standingPlaces, numberedSeats], logger })
  const places = createPlaces({ holds, logger })
  const parts = { db: database.db, payments, places, events: createDomainEvents(), logger }
  const jobs = await createBoxJobs(parts)
  const sagas = await createBoxSagas({ ...parts, jobs })
  const sagaWorker = await sagas.sagas.work({ graceMs: 500 })
  const idempotency = createIdempotency(database.db, { logger })
  const locks = createLocks(database.db, { logger })
  const importer = await createImporter({ db: database.db, logger, ...history })
  const auditLog = createAuditLog()
  const holdfast = createHttp(database.db, { jobs: jobs.jobs })
  const ending = new AbortController()
  const modules = { jobs, sagas, idempotency, locks, importer, auditLog, holdfast }
  const app = createBoxOffice({ ...parts, ...modules, ending: ending.signal, buyerWaitsMs })
  const { url, close } = await serve(app.fetch)
  return {
    db: database.db,
    databaseUrl: database.url,
    url,
    jobs,
    sagas,
    sagaWorker,
    idempotency,
    holds,
    locks,
    places,
    lines,
    call: (method, path, body, headers) =>
      call(url, method, path, body, method === 'POST' ? { ...withKey(), ...headers } : headers),
    close: async () => {
      holdfast.close()
      ending.abort()
      await close()
      await importer.close()
      await auditLog.turn(false)
      await sagas.sagas.close()
      await jobs.jobs.close()
      await idempotency.close()
      await holds.close()
      await locks.close()
      await database.close()
    },
  }
}

/** Opens both services before the tests of a file and closes them after. */
export function useBoxOffice(onOpen: (payments: PaymentsUnderTest, box: BoxOfficeUnderTest) => unknown): void {
  let payments: PaymentsUnderTest | undefined
  let box: BoxOfficeUnderTest | undefined
  beforeAll(async () => {
    payments = await openPayments()
    box = await openBoxOffice(payments.url)
    await onOpen(payments, box)
  })
  afterAll(async () => {
    await box?.close()
    await payments?.close()
  })
}

async function serve(fetch: Parameters<typeof createAdaptorServer>[0]['fetch']) {
  const server = createAdaptorServer({ fetch }) as Server
  const port = await listen(server, 0, '127.0.0.1')
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server, 200) }
}

async function call(
  url: string,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(new URL(path, url), {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as ReplyBody }
}

export interface Stock {
  eventId: string
  seatIds: string[]
}

/** One event that starts tomorrow (or at `startsInHours`), with standing places and numbered seats. */
export async function addEvent(
  db: Db,
  { standing = 100, seats = 0, startsInHours = 24, title = 'The Paper Foxes' } = {},
): Promise<Stock> {
  const [event] = await db.sql<{ id: string }>`
    with venue as (
      insert into venues (name, city, country, capacity)
      values ('Hall ' || gen_random_uuid(), 'Lisbon', 'Portugal', 500) returning id)
    insert into events (venue_id, title, genre, place, starts_at, currency, standing_price_cents)
    select id, ${title}, 'jazz', 'Hall, Lisbon', now() + make_interval(hours => ${startsInHours}), 'EUR', 2500 from venue
    returning id`
  const eventId = event?.id ?? ''
  await db.sql`insert into standing_stock (event_id, capacity, remaining) values (${eventId}, ${standing}, ${standing})`
  const rows = await db.sql<{ id: string }>`
    insert into seats (event_id, section, row_label, seat_number, price_cents)
    select ${eventId}::bigint, 'Stalls', 'A', n, 4000 from generate_series(1, ${seats}::int) as n returning id`
  return { eventId, seatIds: rows.map((row) => row.id) }
}

/** The header of a POST: a new key for a new intent; give one to repeat it. */
export function withKey(key: string = crypto.randomUUID()): { 'idempotency-key': string } {
  return { 'idempotency-key': key }
}

export async function addCustomer(box: BoxOfficeUnderTest): Promise<string> {
  const email = `${crypto.randomUUID()}@test.example`
  const reply = await box.call('POST', '/customers', { email, name: 'Ada Brook' })
  return reply.body.id
}

/** The rules that no load and no fault may break. */
export async function checkStock(db: Db): Promise<void> {
  const broken = await db.sql<{ rule: string; id: string }>`
    with live as (select * from orders where status not in ('payment_failed', 'cancelled')),
         -- A pending order's places are held, and counted as that.
         sold as (select * from live where status <> 'pending'),
         -- A seat sold before there were holds has its order's id below zero.
         hold as (select id, coalesce(seats_hold_id, -id) as seats_hold, event_id from live),
         held as (select * from holdfast.holds_taken where not is_confirmed)
    select 'standing sold + held + remaining = capacity' as rule, stock.event_id as id
      from standing_stock stock
     where remaining < 0
        or capacity <> remaining
             + (select coalesce(sum(standing_quantity), 0) from sold where sold.event_id = stock.event_id)
             + (select coalesce(sum(quantity), 0) from held
                  join holdfast.holds_sources source on source.id = held.source and source.name = 'standing'
                 where held.resource = stock.event_id::text)
    union all
    select 'a live order has exactly the seats it lists', hold.id
      from hold
     where (select coalesce(array_agg(seat_id order by seat_id), '{}') from order_items
             where order_id = hold.id and seat_id is not null)
           is distinct from
           (select coalesce(array_agg(seats.id order by seats.id), '{}') from seats
             where seats.event_id = hold.event_id and seats.hold_id = hold.seats_hold)
    union all
    select 'a seat that is not free is of a live order or held', seats.id
      from seats
     where hold_id is not null and hold_id not in (select seats_hold from hold) and hold_id not in (select id from held)
    union all
    select 'a confirmed hold is of one live order', taken.id
      from holdfast.holds_taken taken
     where is_confirmed and 1 <> (select count(*) from sold where taken.id in (seats_hold_id, standing_hold_id))
    union all
    select 'a sold order has a ticket for each place, once its checkout has ended', id
      from sold
     where checkout_id is not null and status = 'paid'
       and exists (select from holdfast.sagas_instances saga where saga.id = checkout_id::text and saga.state = 'done')
       and (select count(*) from tickets where order_id = sold.id)
           <> (select sum(quantity) from order_items where order_id = sold.id)
    union all
    select 'an order that is not sold has no ticket', order_id from tickets where order_id not in (select id from sold)`
  if (broken.length > 0) throw new Error(`Broken: ${JSON.stringify(broken)}`)
}
