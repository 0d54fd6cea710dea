import { connect } from 'holdfast'
import { migrate } from '../database/migrate.js'
import { migrations } from '../database/migrations/index.js'
import { paymentsMigrations } from '../payments/tables.js'
import { defaultSeed, seedFirst } from '../seed/first.js'

const duplicateDatabase = '42P04'

/** `postgres://…/box` → `postgres://…/payments`: another database on the same server. */
export function derivePaymentsUrl(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  url.pathname = '/payments'
  return url.href
}

/** Makes both databases ready to serve: migrated, and with the seed's first part. */
export async function prepareDatabases(databaseUrl: string, paymentsUrl: string): Promise<void> {
  await using box = await openDatabase(databaseUrl)
  await createDatabase(box.db, new URL(paymentsUrl).pathname.slice(1))
  await Promise.all([prepareBoxOffice(box.db), preparePayments(paymentsUrl)])
}

async function prepareBoxOffice(db: Awaited<ReturnType<typeof connect>>): Promise<void> {
  await db.migrate()
  await migrate(db, migrations)
  await seedFirst(db, defaultSeed)
}

async function preparePayments(url: string): Promise<void> {
  await using payments = await openDatabase(url)
  await payments.db.migrate()
  await migrate(payments.db, paymentsMigrations)
}

async function openDatabase(url: string) {
  const db = await connect({ url, directUrl: url, applicationName: 'box-office start', pool: { max: 2 } })
  return { db, [Symbol.asyncDispose]: () => db.close() }
}

async function createDatabase(db: Awaited<ReturnType<typeof connect>>, name: string): Promise<void> {
  const found = await db.sql`select 1 from pg_database where datname = ${name}`
  if (found.length > 0) return
  try {
    await db.query(`create database "${name.replaceAll('"', '""')}"`)
  } catch (error) {
    // Another start was faster: there is one, which is all we wanted.
    if (error instanceof Error && 'code' in error && error.code === duplicateDatabase) return
    throw error
  }
}
