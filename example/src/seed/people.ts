import type { Tx } from 'holdfast'
import { familyNames, givenNames } from './names.js'

/** Numbered, so that history can name a customer without having read the table. `.example` reaches nobody (RFC 2606). */
export const seedEmail = `'fan' || lpad(n::text, 7, '0') || '@box-office.example'`

/** Writes customers number `from` to `to`. Names by arithmetic on the number: the same on every server. */
export async function insertCustomers(tx: Tx, from: number, to: number): Promise<void> {
  const sql = `
    insert into customers (email, name, created_at)
    select ${seedEmail},
           ($3::text[])[1 + (n * 7) % array_length($3::text[], 1)] || ' ' ||
           ($4::text[])[1 + (n / 3) % array_length($4::text[], 1)],
           (select anchor from seed_runs) - make_interval(mins => (n * 37) % 525600)
      from generate_series($1::int, $2::int) as n`
  await tx.query(sql, [from, to, givenNames, familyNames])
}
