import type { GeneratedAlways, Generated } from 'kysely'
import type { Migration } from '../database/migrations/migration.js'
import { createQueryBuilder } from '../database/query-builder.js'

/** Authorised first; captured, or voided. */
export type ChargeStatus = 'authorised' | 'captured' | 'voided' | 'declined'

interface ChargesTable {
  id: Generated<string>
  key: string | null
  reference: string
  amount_cents: number
  currency: string
  status: ChargeStatus
  created_at: GeneratedAlways<Date>
}

interface RefundsTable {
  id: Generated<string>
  key: string
  charge_id: string
}

/** Builds queries on the payments service's tables. */
export const paymentsQb = createQueryBuilder<{ charges: ChargesTable; refunds: RefundsTable }>()

/** The payments service's schema: its own database, so nothing here may refer to the box office. */
export const paymentsMigrations: readonly Migration[] = [
  {
    name: '0001_payments',
    sql: `
create table charges (
  id           uuid primary key default gen_random_uuid(),
  -- Unique: one charge a key, for as long as the charge is there.
  key          text unique,
  reference    text not null,
  amount_cents integer not null check (amount_cents > 0),
  currency     char(3) not null check (currency ~ '^[A-Z]{3}$'),
  status       text not null check (status in ('charged', 'declined')),
  created_at   timestamptz(3) not null default now()
);
create index charges_reference_idx on charges (reference);

create table refunds (
  id         uuid primary key default gen_random_uuid(),
  key        text not null unique,
  charge_id  uuid not null unique references charges,
  created_at timestamptz(3) not null default now()
);
`,
  },
  {
    name: '0002_captures',
    sql: `
alter table charges drop constraint charges_status_check;
update charges set status = 'captured' where status = 'charged';
alter table charges add constraint charges_status_check check (status in ('authorised', 'captured', 'voided', 'declined'));
`,
  },
]
