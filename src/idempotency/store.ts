// All SQL of idempotency that is not a function (migrations/0009).

import type { BatchStatement, Queryable } from '../core/index.js'

/** As stored; a call has only a body, which is JSON. */
export interface Answer {
  status: number | null
  headers: [string, string][] | null
  body: string | null
  isBase64: boolean
}

export interface KeyOf {
  scope: string
  principal: string
  key: string
}

export type Begun = { state: 'new' | 'busy' } | { state: 'done'; fingerprint: Buffer; answer: Answer }

interface BegunRow {
  state: 'new' | 'busy' | 'done'
  fingerprint: Buffer
  status: number | null
  headers: [string, string][] | null
  body: string | null
  is_base64: boolean
}

export async function begin(tx: Queryable, { scope, principal, key }: KeyOf): Promise<Begun> {
  const text = '/* holdfast:idempotency.begin */ select * from holdfast.idempotency_begin($1, $2, $3)'
  const row = (await tx.query<BegunRow>(text, [scope, principal, key])).rows[0] as BegunRow
  if (row.state !== 'done') return { state: row.state }
  const { fingerprint, status, headers, body, is_base64: isBase64 } = row
  return { state: 'done', fingerprint, answer: { status, headers, body, isBase64 } }
}

/** To be sent with COMMIT. Raises HF011 when an answer is there already. */
export function keepStatement(
  { scope, principal, key }: KeyOf,
  fingerprint: Buffer,
  ttlMs: number,
  { status, headers, body, isBase64 }: Answer,
): BatchStatement {
  const text =
    '/* holdfast:idempotency.keep */ select holdfast.idempotency_keep($1, $2, $3, $4, $5, $6::smallint, $7, $8, $9)'
  const kept = [status, headers && JSON.stringify(headers), body, isBase64]
  return { text, params: [scope, principal, key, fingerprint, ttlMs, ...kept] }
}

export async function receive(
  tx: Queryable,
  source: string,
  id: string,
  body: string | null,
  keepMs: number,
): Promise<boolean> {
  const text = `/* holdfast:idempotency.receive */
    select holdfast.receive_message($1, $2, $3, $4::float8 * interval '1 millisecond') as is_new`
  return (await tx.query<{ is_new: boolean }>(text, [source, id, body, keepMs])).rows[0]?.is_new === true
}

export async function forget(db: Queryable, { scope, principal, key }: KeyOf): Promise<boolean> {
  const text = `/* holdfast:idempotency.forget */
    delete from holdfast.idempotency_answers where scope = $1 and principal = $2 and key = $3`
  return (await db.query(text, [scope, principal, key])).rowCount === 1
}

/** At most so many: nobody waits for a long statement, and those that somebody has locked come next time. */
export async function sweep(db: Queryable, most: number): Promise<number> {
  const text = `/* holdfast:idempotency.sweep */
    with expired as materialized (
      select a.scope, a.principal, a.key from holdfast.idempotency_answers a where a.expires_at <= now()
       order by a.expires_at limit $1 for update skip locked)
    delete from holdfast.idempotency_answers a using expired e
     where a.scope = e.scope and a.principal = e.principal and a.key = e.key`
  return (await db.query(text, [most])).rowCount ?? 0
}
