import { type ColumnType, type Generated, sql } from 'kysely'
import { type ClashCase, kyselyCase } from '../../corpus.js'

interface Tables {
  invoices: {
    id: Generated<number>
    customer_id: number
    number: number
    total_cents: number
    status: Generated<string>
    refunded_cents: Generated<number>
    paid_at: ColumnType<Date | null, never, Date>
  }
  payments: {
    id: Generated<number>
    invoice_id: number
    amount_cents: number
    method: string
  }
  counters: {
    name: string
    value: number
  }
  webhooks: {
    event_id: string
    kind: string
  }
  gift_cards: {
    code: string
    balance_cents: number
  }
}

const billing = kyselyCase<Tables>({
  name: 'billing on kysely',
  schema: `
    create table invoices (
      id serial primary key,
      customer_id int not null,
      number int not null,
      total_cents int not null,
      status text not null default 'open',
      refunded_cents int not null default 0,
      paid_at timestamptz
    );
    create table payments (
      id serial primary key,
      invoice_id int not null references invoices (id),
      amount_cents int not null,
      method text not null
    );
    create table counters (name text primary key, value int not null);
    create table webhooks (event_id text primary key, kind text not null);
    create table gift_cards (code text primary key, balance_cents int not null);
    create function charge_gift_card(card text, amount int) returns boolean language plpgsql as $$
    declare
      available int;
    begin
      select balance_cents into available from gift_cards where code = card;
      if available is null or available < amount then
        return false;
      end if;
      update gift_cards set balance_cents = available - amount where code = card;
      return true;
    end $$;
  `,
  seed: `
    insert into invoices (customer_id, number, total_cents, status) values
      (1, 1, 5000, 'open'), (1, 2, 2500, 'paid'), (2, 3, 9900, 'open'), (2, 4, 8000, 'paid');
    insert into payments (invoice_id, amount_cents, method) values (2, 2500, 'card'), (4, 8000, 'card');
    insert into counters values ('invoice', 4);
    insert into webhooks values ('evt_0', 'invoice.paid');
    insert into gift_cards values ('GIFT-1', 5000), ('GIFT-2', 100), ('GIFT-3', 9000);
  `,
  routes: {
    'POST /invoices/:id/pay': async (db, input) => {
      const id = Number(input.id)
      return await db.transaction().execute(async (trx) => {
        const invoice = await trx.selectFrom('invoices').selectAll().where('id', '=', id).executeTakeFirst()
        if (!invoice) return { status: 404 }
        if (invoice.status === 'paid') return { status: 409, body: { error: 'The invoice is paid' } }
        await trx
          .insertInto('payments')
          .values({ invoice_id: id, amount_cents: invoice.total_cents, method: String(input.method) })
          .execute()
        await trx.updateTable('invoices').set({ status: 'paid', paid_at: new Date() }).where('id', '=', id).execute()
        return { status: 200 }
      })
    },

    'POST /invoices/:id/settle': async (db, input) => {
      const id = Number(input.id)
      return await db.transaction().execute(async (trx) => {
        const invoice = await trx
          .updateTable('invoices')
          .set({ status: 'paid', paid_at: new Date() })
          .where('id', '=', id)
          .where('status', '=', 'open')
          .returningAll()
          .executeTakeFirst()
        if (!invoice) return { status: 409, body: { error: 'No open invoice' } }
        await trx
          .insertInto('payments')
          .values({ invoice_id: id, amount_cents: invoice.total_cents, method: String(input.method) })
          .execute()
        return { status: 200 }
      })
    },

    'POST /invoices': async (db, input) => {
      const number = await db.transaction().execute(async (trx) => {
        const counter = await trx
          .updateTable('counters')
          .set((eb) => ({ value: eb('value', '+', 1) }))
          .where('name', '=', 'invoice')
          .returning('value')
          .executeTakeFirstOrThrow()
        await trx
          .insertInto('invoices')
          .values({
            customer_id: Number(input.customerId),
            number: counter.value,
            total_cents: Number(input.totalCents),
          })
          .execute()
        return counter.value
      })
      return { status: 201, body: { number } }
    },

    'POST /invoices/:id/refund': async (db, input) => {
      const id = Number(input.id)
      const amount = Number(input.amountCents)
      const invoice = await db
        .selectFrom('invoices')
        .select(['status', 'total_cents', 'refunded_cents'])
        .where('id', '=', id)
        .executeTakeFirst()
      if (!invoice || invoice.status !== 'paid') return { status: 404 }
      if (invoice.refunded_cents + amount > invoice.total_cents) return { status: 422 }
      await db
        .updateTable('invoices')
        .set({ refunded_cents: sql`refunded_cents + ${amount}` })
        .where('id', '=', id)
        .execute()
      return { status: 200 }
    },

    'POST /webhooks': async (db, input) => {
      const eventId = String(input.eventId)
      return await db.transaction().execute(async (trx) => {
        const recorded = await trx
          .insertInto('webhooks')
          .values({ event_id: eventId, kind: 'payment' })
          .onConflict((oc) => oc.column('event_id').doNothing())
          .returning('event_id')
          .executeTakeFirst()
        if (!recorded) return { status: 200, body: { duplicate: true } }
        await trx
          .insertInto('payments')
          .values({ invoice_id: Number(input.invoiceId), amount_cents: Number(input.amountCents), method: 'transfer' })
          .execute()
        return { status: 200 }
      })
    },

    'POST /gift-cards/charge': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const amount = Number(input.amountCents)
        const { rows } = await sql<{ charged: boolean }>`
          select charge_gift_card(${String(input.code)}, ${amount}) as charged
        `.execute(trx)
        if (!rows[0]?.charged) return { status: 402 }
        await trx
          .insertInto('payments')
          .values({ invoice_id: Number(input.invoiceId), amount_cents: amount, method: 'gift card' })
          .execute()
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /invoices/:id/pay', { id: 3, method: 'card' }],
    ['POST /invoices/:id/pay', { id: 2, method: 'card' }],
    ['POST /invoices/:id/pay', { id: 99, method: 'card' }],
    ['POST /invoices/:id/settle', { id: 1, method: 'cash' }],
    ['POST /invoices/:id/settle', { id: 2, method: 'cash' }],
    ['POST /invoices', { customerId: 3, totalCents: 700 }],
    ['POST /invoices', { customerId: 1, totalCents: 1200 }],
    ['POST /invoices/:id/refund', { id: 2, amountCents: 500 }],
    ['POST /invoices/:id/refund', { id: 2, amountCents: 2400 }],
    ['POST /invoices/:id/refund', { id: 99, amountCents: 100 }],
    ['POST /webhooks', { eventId: 'evt_1', invoiceId: 3, amountCents: 9900 }],
    ['POST /webhooks', { eventId: 'evt_0', invoiceId: 2, amountCents: 2500 }],
    ['POST /gift-cards/charge', { code: 'GIFT-3', invoiceId: 3, amountCents: 900 }],
    ['POST /gift-cards/charge', { code: 'GIFT-2', invoiceId: 1, amountCents: 900 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'paid twice',
      first: ['POST /invoices/:id/pay', { id: 1, method: 'card' }],
      second: ['POST /invoices/:id/pay', { id: 1, method: 'card' }],
    },
    {
      label: 'safe',
      kind: 'the transition of the status is the guard',
      first: ['POST /invoices/:id/settle', { id: 1, method: 'cash' }],
      second: ['POST /invoices/:id/settle', { id: 1, method: 'cash' }],
    },
    {
      label: 'safe',
      kind: 'numbers from a locked counter',
      first: ['POST /invoices', { customerId: 1, totalCents: 1000 }],
      second: ['POST /invoices', { customerId: 2, totalCents: 2000 }],
    },
    {
      label: 'clash',
      kind: 'refunded beyond the total',
      first: ['POST /invoices/:id/refund', { id: 4, amountCents: 5000 }],
      second: ['POST /invoices/:id/refund', { id: 4, amountCents: 6000 }],
    },
    {
      label: 'safe',
      kind: 'the primary key of an event',
      first: ['POST /webhooks', { eventId: 'evt_9', invoiceId: 1, amountCents: 5000 }],
      second: ['POST /webhooks', { eventId: 'evt_9', invoiceId: 1, amountCents: 5000 }],
    },
    {
      label: 'clash',
      kind: 'a balance read and written by a function',
      first: ['POST /gift-cards/charge', { code: 'GIFT-1', invoiceId: 1, amountCents: 2000 }],
      second: ['POST /gift-cards/charge', { code: 'GIFT-1', invoiceId: 1, amountCents: 1500 }],
      hidden: 'check and write are in one call of a function',
    },
  ],
})

export const cases: ClashCase[] = [billing]
