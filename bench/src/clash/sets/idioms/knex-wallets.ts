import type { Knex } from 'knex'
import { type Answer, type ClashCase, type Input, knexCase } from '../../corpus.js'

const wallets = knexCase({
  name: 'idioms knex wallets',
  schema: `
    create table wallets (user_id int primary key, balance numeric(10, 2) not null default 0);
    create table wallet_entries (
      id serial primary key, user_id int not null references wallets, amount numeric(10, 2) not null, kind text not null
    )`,
  seed: `insert into wallets values (1, 100), (2, 40), (3, 5.5), (4, 0)`,
  routes: {
    'POST /wallets/:userId/deposit': async (knex, input) => {
      const { userId, amount } = input as { userId: number; amount: number }
      return await knex.transaction(async (trx) => {
        const wallet = await trx<{ user_id: number; balance: string }>('wallets').where({ user_id: userId }).first()
        if (!wallet) return { status: 404 }
        await trx('wallets')
          .where({ user_id: userId })
          .update({ balance: Number(wallet.balance) + amount })
        await trx('wallet_entries').insert({ user_id: userId, amount, kind: 'deposit' })
        return { status: 201 }
      })
    },
    'POST /v2/wallets/:userId/deposit': async (knex, input) => {
      const { userId, amount } = input as { userId: number; amount: number }
      return await knex.transaction(async (trx) => {
        const touched = await trx('wallets').where({ user_id: userId }).increment('balance', amount)
        if (touched === 0) return { status: 404 }
        await trx('wallet_entries').insert({ user_id: userId, amount, kind: 'deposit' })
        return { status: 201 }
      })
    },
    'POST /v2/wallets/:userId/withdraw': async (knex, input) => {
      const { userId, amount } = input as { userId: number; amount: number }
      return await knex.transaction(async (trx) => {
        const wallet = await trx<{ user_id: number; balance: string }>('wallets')
          .where({ user_id: userId })
          .forUpdate()
          .first()
        if (!wallet) return { status: 404 }
        const rest = Number(wallet.balance) - amount
        if (rest < 0) return { status: 422 }
        await trx('wallets').where({ user_id: userId }).update({ balance: rest })
        await trx('wallet_entries').insert({ user_id: userId, amount: -amount, kind: 'withdrawal' })
        return { status: 201 }
      })
    },
  },
  traffic: [
    ['POST /wallets/:userId/deposit', { userId: 2, amount: 10 }],
    ['POST /wallets/:userId/deposit', { userId: 20, amount: 10 }],
    ['POST /wallets/:userId/deposit', { userId: 4, amount: 7.25 }],
    ['POST /v2/wallets/:userId/deposit', { userId: 3, amount: 4.5 }],
    ['POST /v2/wallets/:userId/deposit', { userId: 2, amount: 1 }],
    ['POST /v2/wallets/:userId/deposit', { userId: 30, amount: 1 }],
    ['POST /v2/wallets/:userId/withdraw', { userId: 2, amount: 20 }],
    ['POST /v2/wallets/:userId/withdraw', { userId: 3, amount: 2000 }],
    ['POST /v2/wallets/:userId/withdraw', { userId: 1, amount: 1 }],
    ['POST /v2/wallets/:userId/withdraw', { userId: 40, amount: 1 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update in a transaction',
      first: ['POST /wallets/:userId/deposit', { userId: 1, amount: 10 }],
      second: ['POST /wallets/:userId/deposit', { userId: 1, amount: 25 }],
    },
    {
      label: 'clash',
      kind: 'lost update against an increment',
      first: ['POST /wallets/:userId/deposit', { userId: 1, amount: 10 }],
      second: ['POST /v2/wallets/:userId/deposit', { userId: 1, amount: 25 }],
    },
    {
      label: 'safe',
      kind: 'increment and a row lock',
      first: ['POST /v2/wallets/:userId/deposit', { userId: 1, amount: 30 }],
      second: ['POST /v2/wallets/:userId/withdraw', { userId: 1, amount: 120 }],
    },
    {
      label: 'safe',
      kind: 'row lock first',
      first: ['POST /v2/wallets/:userId/withdraw', { userId: 1, amount: 60 }],
      second: ['POST /v2/wallets/:userId/withdraw', { userId: 1, amount: 70 }],
    },
  ],
})

interface GiftCard {
  code: string
  cents: number
}

async function redeemGiftCard(knex: Knex, input: Input, lockedBy: 'the pool' | 'the transaction'): Promise<Answer> {
  const { code, orderId, cents } = input as { code: string; orderId: number; cents: number }
  return await knex.transaction(async (trx) => {
    const source = lockedBy === 'the transaction' ? trx : knex
    const card = await source<GiftCard>('gift_cards').where('code', code).forUpdate().first()
    if (!card) return { status: 404 }
    if (card.cents < cents) return { status: 402, body: { left: card.cents } }
    await trx('gift_cards')
      .where('code', code)
      .update({ cents: card.cents - cents })
    await trx('gift_card_uses').insert({ code, order_id: orderId, cents })
    return { status: 200 }
  })
}

const giftCards = knexCase({
  name: 'idioms knex gift cards',
  schema: `
    create table gift_cards (code text primary key, cents int not null);
    create table gift_card_uses (
      id serial primary key, code text not null references gift_cards, order_id int not null, cents int not null
    )`,
  seed: `insert into gift_cards values ('GC-A', 5000), ('GC-B', 2000), ('GC-C', 0), ('GC-D', 9900)`,
  routes: {
    // `knex` where it should be `trx`: the lock is gone before the update.
    'POST /gift-cards/redeem': async (knex, input) => await redeemGiftCard(knex, input, 'the pool'),
    'POST /v2/gift-cards/redeem': async (knex, input) => await redeemGiftCard(knex, input, 'the transaction'),
  },
  traffic: [
    ['POST /gift-cards/redeem', { code: 'GC-B', orderId: 1, cents: 500 }],
    ['POST /gift-cards/redeem', { code: 'GC-C', orderId: 2, cents: 500 }],
    ['POST /gift-cards/redeem', { code: 'GC-X', orderId: 3, cents: 500 }],
    ['POST /v2/gift-cards/redeem', { code: 'GC-D', orderId: 4, cents: 900 }],
    ['POST /v2/gift-cards/redeem', { code: 'GC-B', orderId: 5, cents: 5000 }],
    ['POST /v2/gift-cards/redeem', { code: 'GC-X', orderId: 6, cents: 1 }],
    ['POST /gift-cards/redeem', { code: 'GC-D', orderId: 7, cents: 100 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'locked on another connection than the transaction',
      first: ['POST /gift-cards/redeem', { code: 'GC-A', orderId: 11, cents: 4000 }],
      second: ['POST /gift-cards/redeem', { code: 'GC-A', orderId: 12, cents: 3000 }],
    },
    {
      label: 'safe',
      kind: 'row lock first',
      first: ['POST /v2/gift-cards/redeem', { code: 'GC-A', orderId: 11, cents: 4000 }],
      second: ['POST /v2/gift-cards/redeem', { code: 'GC-A', orderId: 12, cents: 3000 }],
    },
  ],
})

const invoices = knexCase({
  name: 'idioms knex invoice numbers',
  schema: `
    create table companies (id int primary key, name text not null, last_invoice int not null default 0);
    create table invoices (
      id bigserial primary key, company_id int not null references companies, number int not null, total int not null
    )`,
  seed: `
    insert into companies values (1, 'acme', 2), (2, 'globex', 0), (3, 'initech', 1);
    insert into invoices (company_id, number, total) values (1, 1, 100), (1, 2, 250), (3, 1, 80)`,
  routes: {
    'POST /invoices': async (knex, input) => {
      const { companyId, total } = input as { companyId: number; total: number }
      const company = await knex('companies').where('id', companyId).first('id')
      if (!company) return { status: 404 }
      return await knex.transaction(async (trx) => {
        const newest = await trx<{ company_id: number; number: number }>('invoices')
          .where('company_id', companyId)
          .max<{ max: number | null }>('number as max')
          .first()
        const number = (newest?.max ?? 0) + 1
        await trx('invoices').insert({ company_id: companyId, number, total })
        return { status: 201, body: { number } }
      })
    },
    'POST /v2/invoices': async (knex, input) => {
      const { companyId, total } = input as { companyId: number; total: number }
      return await knex.transaction(async (trx) => {
        const [company] = await trx<{ id: number; last_invoice: number }>('companies')
          .where({ id: companyId })
          .increment('last_invoice', 1)
          .returning('last_invoice')
        if (!company) return { status: 404 }
        await trx('invoices').insert({ company_id: companyId, number: company.last_invoice, total })
        return { status: 201, body: { number: company.last_invoice } }
      })
    },
  },
  traffic: [
    ['POST /invoices', { companyId: 3, total: 15 }],
    ['POST /invoices', { companyId: 2, total: 15 }],
    ['POST /invoices', { companyId: 30, total: 15 }],
    ['POST /v2/invoices', { companyId: 1, total: 99 }],
    ['POST /v2/invoices', { companyId: 3, total: 98 }],
    ['POST /v2/invoices', { companyId: 31, total: 97 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'max + 1',
      first: ['POST /invoices', { companyId: 1, total: 10 }],
      second: ['POST /invoices', { companyId: 1, total: 20 }],
    },
    {
      label: 'safe',
      kind: 'counter row incremented in the transaction',
      first: ['POST /v2/invoices', { companyId: 1, total: 10 }],
      second: ['POST /v2/invoices', { companyId: 1, total: 20 }],
    },
  ],
})

/** One request per customer at a time, in this process. */
const running = new Map<string, Promise<unknown>>()

async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = running.get(key) ?? Promise.resolve()
  const mine = before.then(work, work)
  running.set(key, mine)
  try {
    return await mine
  } finally {
    if (running.get(key) === mine) running.delete(key)
  }
}

async function buyCredits(knex: Knex, input: Input): Promise<Answer> {
  const { customer, credits } = input as { customer: string; credits: number }
  const row = await knex<{ customer: string; credits: number }>('credit_accounts').where({ customer }).first()
  if (!row) return { status: 404 }
  if (row.credits + credits > 1000) return { status: 422 }
  await knex('credit_accounts')
    .where({ customer })
    .update({ credits: row.credits + credits, updated_at: knex.fn.now() })
  return { status: 200 }
}

const credits = knexCase({
  name: 'idioms knex api credits',
  schema: `create table credit_accounts (customer text primary key, credits int not null, updated_at timestamptz)`,
  seed: `insert into credit_accounts (customer, credits) values ('acme', 100), ('globex', 990), ('initech', 0)`,
  routes: {
    'POST /credits': buyCredits,
    'POST /v2/credits': async (knex, input) =>
      await inTurn(input.customer as string, async () => await buyCredits(knex, input)),
  },
  traffic: [
    ['POST /credits', { customer: 'initech', credits: 10 }],
    ['POST /credits', { customer: 'globex', credits: 100 }],
    ['POST /credits', { customer: 'nobody', credits: 100 }],
    ['POST /v2/credits', { customer: 'initech', credits: 20 }],
    ['POST /v2/credits', { customer: 'globex', credits: 200 }],
    ['POST /v2/credits', { customer: 'acme', credits: 5 }],
    ['POST /v2/credits', { customer: 'nobody', credits: 5 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update',
      first: ['POST /credits', { customer: 'acme', credits: 50 }],
      second: ['POST /credits', { customer: 'acme', credits: 70 }],
    },
    {
      label: 'safe',
      kind: 'queue in the process',
      first: ['POST /v2/credits', { customer: 'acme', credits: 50 }],
      second: ['POST /v2/credits', { customer: 'acme', credits: 70 }],
      hidden: 'The requests of one customer wait for each other in the memory of the process.',
    },
  ],
})

export const cases: ClashCase[] = [wallets, giftCards, invoices, credits]
