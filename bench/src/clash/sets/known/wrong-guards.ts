import { eq } from 'drizzle-orm'
import { integer, numeric, pgTable, text } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, typeormCase, type ClashCase } from '../../corpus.js'
import { inTransaction, isDuplicate } from './transaction.js'

const lateLock = pgCase({
  name: 'gift card: locked after the balance was read',
  schema: `create table gift_cards (code text primary key, cents int not null)`,
  seed: `insert into gift_cards values ('AAA', 5000), ('BBB', 100), ('CCC', 2500)`,
  routes: {
    'POST /gift-cards/:code/spend': async (pool, input) =>
      await inTransaction(pool, async (client) => {
        const { code, cents } = input as { code: string; cents: number }
        const { rows } = await client.query<{ cents: number }>('select cents from gift_cards where code = $1', [code])
        const card = rows[0]
        if (!card) return { status: 404 }
        if (card.cents < cents) return { status: 402 }
        await client.query('select 1 from gift_cards where code = $1 for update', [code])
        await client.query('update gift_cards set cents = $2 where code = $1', [code, card.cents - cents])
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /gift-cards/:code/spend', { code: 'AAA', cents: 700 }],
    ['POST /gift-cards/:code/spend', { code: 'BBB', cents: 150 }],
    ['POST /gift-cards/:code/spend', { code: 'ZZZ', cents: 150 }],
    ['POST /gift-cards/:code/spend', { code: 'CCC', cents: 260 }],
    ['POST /gift-cards/:code/spend', { code: 'AAA', cents: 900 }],
    ['POST /gift-cards/:code/spend', { code: 'BBB', cents: 35 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lock taken too late',
      first: ['POST /gift-cards/:code/spend', { code: 'CCC', cents: 800 }],
      second: ['POST /gift-cards/:code/spend', { code: 'CCC', cents: 450 }],
    },
  ],
})

const fuelCards = pgTable('fuel_cards', {
  id: integer('id').primaryKey(),
  driver: text('driver').notNull(),
  litres: numeric('litres', { precision: 8, scale: 1 }).notNull(),
})

const autocommitLock = drizzleCase({
  name: 'fuel card: FOR UPDATE outside of a transaction',
  schema: `create table fuel_cards (id int primary key, driver text not null, litres numeric(8,1) not null)`,
  seed: `insert into fuel_cards values (1, 'd1', 120.5), (2, 'd2', 10), (3, 'd3', 300)`,
  routes: {
    'POST /fuel-cards/:id/refuel': async (db, input) => {
      const { id, litres } = input as { id: number; litres: number }
      const [card] = await db.select().from(fuelCards).where(eq(fuelCards.id, id)).for('update')
      if (!card) return { status: 404 }
      const left = Number(card.litres) - litres
      if (left < 0) return { status: 402 }
      await db
        .update(fuelCards)
        .set({ litres: left.toFixed(1) })
        .where(eq(fuelCards.id, id))
      return { status: 200, body: { left } }
    },
  },
  traffic: [
    ['POST /fuel-cards/:id/refuel', { id: 1, litres: 40 }],
    ['POST /fuel-cards/:id/refuel', { id: 2, litres: 12.5 }],
    ['POST /fuel-cards/:id/refuel', { id: 3, litres: 52 }],
    ['POST /fuel-cards/:id/refuel', { id: 4, litres: 52 }],
    ['POST /fuel-cards/:id/refuel', { id: 2, litres: 9 }],
    ['POST /fuel-cards/:id/refuel', { id: 3, litres: 33.5 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'FOR UPDATE in autocommit',
      first: ['POST /fuel-cards/:id/refuel', { id: 3, litres: 60 }],
      second: ['POST /fuel-cards/:id/refuel', { id: 3, litres: 25.5 }],
    },
  ],
})

interface Page {
  id: number
  title: string
  words: number
  version: number
}

const PageEntity = new EntitySchema<Page>({
  name: 'Page',
  tableName: 'pages',
  columns: {
    id: { type: 'int', primary: true },
    title: { type: 'text' },
    words: { type: 'int' },
    version: { type: 'int', version: true },
  },
})

const versionNotCompared = typeormCase([PageEntity], {
  name: 'wiki: a version column that nobody compares',
  schema: `create table pages (id int primary key, title text not null, words int not null, version int not null default 1)`,
  seed: `insert into pages values (1, 'Start', 100, 1), (2, 'Help', 40, 3), (3, 'Rules', 77, 2)`,
  routes: {
    'POST /pages/:id/append': async (source, input) => {
      const { id, words } = input as { id: number; words: number }
      const pages = source.getRepository(PageEntity)
      const page = await pages.findOneBy({ id })
      if (!page) return { status: 404 }
      page.words += words
      await pages.save(page)
      return { status: 200, body: { version: page.version } }
    },
  },
  traffic: [
    ['POST /pages/:id/append', { id: 1, words: 15 }],
    ['POST /pages/:id/append', { id: 2, words: 3 }],
    ['POST /pages/:id/append', { id: 1, words: 60 }],
    ['POST /pages/:id/append', { id: 5, words: 60 }],
    ['POST /pages/:id/append', { id: 3, words: 9 }],
    ['POST /pages/:id/append', { id: 2, words: 27 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'version bumped, not compared',
      first: ['POST /pages/:id/append', { id: 3, words: 11 }],
      second: ['POST /pages/:id/append', { id: 3, words: 29 }],
    },
  ],
})

interface Contract {
  id: string
  status: string
  signer: string | null
  version: number
}

const ContractEntity = new EntitySchema<Contract>({
  name: 'Contract',
  tableName: 'contracts',
  columns: {
    id: { type: 'text', primary: true },
    status: { type: 'text' },
    signer: { type: 'text', nullable: true },
    version: { type: 'int', version: true },
  },
})

const optimisticOnRead = typeormCase([ContractEntity], {
  name: 'contract: optimistic lock compared on the read only',
  schema: `create table contracts (id text primary key, status text not null, signer text, version int not null)`,
  seed: `insert into contracts values ('c-1', 'draft', null, 1), ('c-2', 'draft', null, 4), ('c-3', 'signed', 'eve', 2)`,
  routes: {
    'POST /contracts/:id/sign': async (source, input) => {
      const { id, version, signer } = input as { id: string; version: number; signer: string }
      const contracts = source.getRepository(ContractEntity)
      try {
        const contract = await contracts.findOne({ where: { id }, lock: { mode: 'optimistic', version } })
        if (!contract) return { status: 404 }
        if (contract.status !== 'draft') return { status: 409 }
        contract.status = 'signed'
        contract.signer = signer
        await contracts.save(contract)
        return { status: 200 }
      } catch (error) {
        if (error instanceof Error && error.name === 'OptimisticLockVersionMismatchError') return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /contracts/:id/sign', { id: 'c-1', version: 1, signer: 'ada' }],
    ['POST /contracts/:id/sign', { id: 'c-1', version: 1, signer: 'bob' }],
    ['POST /contracts/:id/sign', { id: 'c-3', version: 2, signer: 'bob' }],
    ['POST /contracts/:id/sign', { id: 'c-2', version: 3, signer: 'bob' }],
    ['POST /contracts/:id/sign', { id: 'c-9', version: 1, signer: 'bob' }],
    ['POST /contracts/:id/sign', { id: 'c-2', version: 4, signer: 'bob' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'version compared by the read only',
      first: ['POST /contracts/:id/sign', { id: 'c-2', version: 4, signer: 'cat' }],
      second: ['POST /contracts/:id/sign', { id: 'c-2', version: 4, signer: 'dan' }],
    },
  ],
})

interface Lights {
  lamps: { id: number; room: string; lit: boolean }
}

const repeatableSkew = kyselyCase<Lights>({
  name: 'corridor: one lamp stays lit, at repeatable read',
  schema: 'create table lamps (id int primary key, room text not null, lit boolean not null)',
  seed: `insert into lamps values (1, 'a', true), (2, 'a', true), (3, 'b', true), (4, 'b', false), (5, 'c', true), (6, 'c', true)`,
  routes: {
    'POST /lamps/:id/off': async (db, input) =>
      await db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (trx) => {
          const { id } = input as { id: number }
          const lamp = await trx.selectFrom('lamps').selectAll().where('id', '=', id).executeTakeFirst()
          if (!lamp) return { status: 404 }
          const lit = await trx
            .selectFrom('lamps')
            .select('id')
            .where('room', '=', lamp.room)
            .where('lit', '=', true)
            .execute()
          if (lit.length <= 1) return { status: 409 }
          await trx.updateTable('lamps').set({ lit: false }).where('id', '=', id).execute()
          return { status: 200 }
        }),
  },
  traffic: [
    ['POST /lamps/:id/off', { id: 1 }],
    ['POST /lamps/:id/off', { id: 2 }],
    ['POST /lamps/:id/off', { id: 3 }],
    ['POST /lamps/:id/off', { id: 30 }],
    ['POST /lamps/:id/off', { id: 4 }],
    ['POST /lamps/:id/off', { id: 2 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'write skew at repeatable read',
      first: ['POST /lamps/:id/off', { id: 5 }],
      second: ['POST /lamps/:id/off', { id: 6 }],
    },
  ],
})

const wrongAdvisoryKey = knexCase({
  name: 'flash sale: advisory lock of the customer, not of the product',
  schema: `create table offers (id int primary key, units int not null);
    create table claims (offer_id int, customer_id int, primary key (offer_id, customer_id))`,
  seed: `insert into offers values (1, 50), (2, 0), (3, 1), (4, 2)`,
  routes: {
    'POST /offers/:id/claim': async (knex, input) =>
      await knex.transaction(async (trx) => {
        const { id, customerId } = input as { id: number; customerId: number }
        await trx.raw('select pg_advisory_xact_lock(?)', [customerId])
        const offer = await trx('offers').where({ id }).first()
        if (!offer) return { status: 404 }
        if (offer.units === 0) return { status: 410 }
        await trx('offers')
          .where({ id })
          .update({ units: offer.units - 1 })
        await trx('claims').insert({ offer_id: id, customer_id: customerId })
        return { status: 201 }
      }),
  },
  traffic: [
    ['POST /offers/:id/claim', { id: 1, customerId: 501 }],
    ['POST /offers/:id/claim', { id: 2, customerId: 501 }],
    ['POST /offers/:id/claim', { id: 1, customerId: 502 }],
    ['POST /offers/:id/claim', { id: 8, customerId: 502 }],
    ['POST /offers/:id/claim', { id: 4, customerId: 501 }],
    ['POST /offers/:id/claim', { id: 4, customerId: 503 }],
    ['POST /offers/:id/claim', { id: 4, customerId: 502 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lock on the wrong key',
      first: ['POST /offers/:id/claim', { id: 3, customerId: 601 }],
      second: ['POST /offers/:id/claim', { id: 3, customerId: 602 }],
    },
  ],
})

const lockedElsewhere = pgCase({
  name: 'meter: locked in one transaction, written in the next',
  schema: `create table meters (id bigint primary key, reading int not null)`,
  seed: `insert into meters values (1, 1000), (2, 50), (3, 720)`,
  routes: {
    'POST /meters/:id/add': async (pool, input) => {
      const { id, units } = input as { id: number; units: number }
      const meter = await inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ reading: number }>(
          'select reading from meters where id = $1 for update',
          [id],
        )
        return rows[0]
      })
      if (!meter) return { status: 404 }
      await inTransaction(pool, async (client) => {
        await client.query('update meters set reading = $1 where id = $2', [meter.reading + units, id])
      })
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /meters/:id/add', { id: 1, units: 12 }],
    ['POST /meters/:id/add', { id: 2, units: 8 }],
    ['POST /meters/:id/add', { id: 1, units: 31 }],
    ['POST /meters/:id/add', { id: 4, units: 31 }],
    ['POST /meters/:id/add', { id: 3, units: 5 }],
    ['POST /meters/:id/add', { id: 2, units: 19 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'different transactions',
      first: ['POST /meters/:id/add', { id: 3, units: 14 }],
      second: ['POST /meters/:id/add', { id: 3, units: 37 }],
    },
  ],
})

interface Newsletter {
  subscribers: { id: Generated<number>; email: string }
}

const uncoveredEmail = kyselyCase<Newsletter>({
  name: 'newsletter: looked up in lower case, unique as written',
  schema: 'create table subscribers (id serial primary key, email text not null unique)',
  seed: `insert into subscribers (email) values ('Ann@example.com'), ('bob@example.com')`,
  routes: {
    'POST /subscribers': async (db, input) => {
      const { email } = input as { email: string }
      if (!email.includes('@')) return { status: 422 }
      const known = await db
        .selectFrom('subscribers')
        .select('id')
        .where((eb) => eb(eb.fn<string>('lower', ['email']), '=', email.toLowerCase()))
        .executeTakeFirst()
      if (known) return { status: 409 }
      try {
        await db.insertInto('subscribers').values({ email }).execute()
        return { status: 201 }
      } catch (error) {
        if (isDuplicate(error)) return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /subscribers', { email: 'cat@example.com' }],
    ['POST /subscribers', { email: 'ann@example.com' }],
    ['POST /subscribers', { email: 'BOB@example.com' }],
    ['POST /subscribers', { email: 'nothing' }],
    ['POST /subscribers', { email: 'Dan@example.com' }],
    ['POST /subscribers', { email: 'dan@example.com' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'unique index that does not cover the check',
      first: ['POST /subscribers', { email: 'Eve@Example.com' }],
      second: ['POST /subscribers', { email: 'eve@example.com' }],
    },
    {
      label: 'safe',
      kind: 'the same spelling meets the unique index',
      first: ['POST /subscribers', { email: 'eve@example.com' }],
      second: ['POST /subscribers', { email: 'eve@example.com' }],
    },
  ],
})

export const cases: ClashCase[] = [
  lateLock,
  autocommitLock,
  versionNotCompared,
  optimisticOnRead,
  repeatableSkew,
  wrongAdvisoryKey,
  lockedElsewhere,
  uncoveredEmail,
]
