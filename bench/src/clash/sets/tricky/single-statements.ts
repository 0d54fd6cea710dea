import { pgCase, type ClashCase } from '../../corpus.js'
import { inTransaction } from './transaction.js'

/** Statements that do everything at once, and look as if that were enough. */
export const cases: ClashCase[] = [
  pgCase({
    name: 'wallet transfer in one statement of CTEs',
    schema: `
      create table wallets (id text primary key, cents integer not null);
      create table transfers (source text not null, target text not null, cents integer not null)`,
    seed: `insert into wallets values ('ada', 100), ('bob', 20), ('cyd', 0), ('dan', 500), ('eve', 30)`,
    routes: {
      // The check reads the statement's snapshot: a debit that waited for another one is not checked again.
      transfer: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { from, to, cents } = input as { from: string; to: string; cents: number }
          const { rows } = await client.query(
            `with funded as (
               select id from wallets where id = $1 and cents >= $3
             ), debit as (
               update wallets set cents = cents - $3 where id = $1 and exists (select 1 from funded) returning id
             ), credit as (
               update wallets set cents = cents + $3 where id = $2 and exists (select 1 from funded) returning id
             )
             select debit.id from debit, credit`,
            [from, to, cents],
          )
          if (rows.length === 0) return { status: 422 }
          await client.query('insert into transfers values ($1, $2, $3)', [from, to, cents])
          return { status: 200 }
        }),
      send: async (pool, input) => {
        const { from, to, cents } = input as { from: string; to: string; cents: number }
        const { rows } = await pool.query(
          `with debit as (
             update wallets set cents = cents - $3 where id = $1 and cents >= $3 returning id
           ), credit as (
             update wallets set cents = cents + $3 where id = $2 and exists (select 1 from debit) returning id
           )
           select debit.id from debit, credit`,
          [from, to, cents],
        )
        return rows.length === 1 ? { status: 200 } : { status: 422 }
      },
    },
    traffic: [
      ['transfer', { from: 'dan', to: 'bob', cents: 40 }],
      ['transfer', { from: 'eve', to: 'cyd', cents: 31 }],
      ['transfer', { from: 'bob', to: 'eve', cents: 5 }],
      ['send', { from: 'dan', to: 'cyd', cents: 10 }],
      ['send', { from: 'cyd', to: 'bob', cents: 900 }],
      ['send', { from: 'eve', to: 'dan', cents: 3 }],
      ['transfer', { from: 'dan', to: 'ada', cents: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'check in a CTE reads the snapshot',
        first: ['transfer', { from: 'ada', to: 'bob', cents: 80 }],
        second: ['transfer', { from: 'ada', to: 'cyd', cents: 70 }],
      },
      {
        label: 'safe',
        kind: 'condition on the updated row itself, credit chained by RETURNING',
        first: ['send', { from: 'ada', to: 'bob', cents: 80 }],
        second: ['send', { from: 'ada', to: 'cyd', cents: 70 }],
      },
    ],
  }),

  pgCase({
    name: 'render farm takes the next frame',
    schema: `
      create table frames (id integer primary key, scene text not null, state text not null default 'queued', node text);
      create table nodes (name text primary key, busy boolean not null default false)`,
    seed: `
      insert into nodes (name) values ('n1'), ('n2'), ('n7'), ('n8'), ('n9');
      insert into frames (id, scene) values (1, 'dawn'), (2, 'dawn'), (3, 'dawn'), (4, 'dusk'), (5, 'dusk'), (6, 'noon')`,
    routes: {
      take: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ id: number }>(
            `update frames set state = 'rendering', node = $2
             where id = (select f.id from frames f where f.scene = $1 and f.state = 'queued' order by f.id limit 1)
             returning id`,
            [input.scene, input.node],
          )
          if (!rows[0]) return { status: 204 }
          await client.query('update nodes set busy = true where name = $1', [input.node])
          return { status: 200, body: rows[0] }
        }),
      pull: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ id: number }>(
            `update frames set state = 'rendering', node = $2
             where id = (select f.id from frames f where f.scene = $1 and f.state = 'queued'
                         order by f.id limit 1 for update skip locked)
             returning id`,
            [input.scene, input.node],
          )
          if (!rows[0]) return { status: 204 }
          await client.query('update nodes set busy = true where name = $1', [input.node])
          return { status: 200, body: rows[0] }
        }),
    },
    traffic: [
      ['take', { scene: 'dusk', node: 'n7' }],
      ['pull', { scene: 'dusk', node: 'n8' }],
      ['pull', { scene: 'dusk', node: 'n9' }],
      ['take', { scene: 'noon', node: 'n7' }],
      ['take', { scene: 'noon', node: 'n8' }],
      ['pull', { scene: 'dawn', node: 'n1' }],
      ['take', { scene: 'dawn', node: 'n2' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'sub-select picks the row, the update does not check it again',
        first: ['take', { scene: 'dawn', node: 'n1' }],
        second: ['take', { scene: 'dawn', node: 'n2' }],
      },
      {
        label: 'safe',
        kind: 'skip locked in the sub-select',
        first: ['pull', { scene: 'dawn', node: 'n1' }],
        second: ['pull', { scene: 'dawn', node: 'n2' }],
      },
    ],
  }),

  pgCase({
    name: 'API keys up to the plan',
    schema: `
      create table accounts (id uuid primary key, key_limit integer not null);
      create table api_keys (account_id uuid not null, label text not null, revoked boolean not null default false);
      create table audit (account_id uuid not null, what text not null)`,
    seed: `
      insert into accounts values ('00000000-0000-4000-8000-000000000001', 2), ('00000000-0000-4000-8000-000000000002', 3);
      insert into api_keys values ('00000000-0000-4000-8000-000000000001', 'ci', false),
        ('00000000-0000-4000-8000-000000000001', 'old', true)`,
    routes: {
      create: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rowCount } = await client.query(
            `insert into api_keys (account_id, label)
             select a.id, $2 from accounts a where a.id = $1
               and a.key_limit > (select count(*) from api_keys k where k.account_id = a.id and not k.revoked)`,
            [input.account, input.label],
          )
          if (rowCount === 0) return { status: 403 }
          await client.query('insert into audit values ($1, $2)', [input.account, `created ${String(input.label)}`])
          return { status: 201 }
        }),
      issue: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          await client.query('select 1 from accounts where id = $1 for no key update', [input.account])
          const { rowCount } = await client.query(
            `insert into api_keys (account_id, label)
             select a.id, $2 from accounts a where a.id = $1
               and a.key_limit > (select count(*) from api_keys k where k.account_id = a.id and not k.revoked)`,
            [input.account, input.label],
          )
          return { status: rowCount === 1 ? 201 : 403 }
        }),
      // One statement of its own each time, but both of a pair end in the same state and the same answer.
      revoke: async (pool, input) => {
        const found = await pool.query('select revoked from api_keys where account_id = $1 and label = $2', [
          input.account,
          input.label,
        ])
        if (found.rows.length === 0) return { status: 404 }
        await pool.query('update api_keys set revoked = true where account_id = $1 and label = $2', [
          input.account,
          input.label,
        ])
        return { status: 204 }
      },
    },
    traffic: [
      ['create', { account: '00000000-0000-4000-8000-000000000002', label: 'web' }],
      ['issue', { account: '00000000-0000-4000-8000-000000000002', label: 'cron' }],
      ['revoke', { account: '00000000-0000-4000-8000-000000000002', label: 'web' }],
      ['create', { account: '00000000-0000-4000-8000-000000000002', label: 'web-2' }],
      ['create', { account: '00000000-0000-4000-8000-000000000002', label: 'shop' }],
      ['issue', { account: '00000000-0000-4000-8000-000000000002', label: 'one too many' }],
      ['create', { account: '00000000-0000-4000-8000-000000000002', label: 'one too many' }],
      ['revoke', { account: '00000000-0000-4000-8000-000000000001', label: 'nothing' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'count and insert in one statement, both may be under the limit',
        first: ['create', { account: '00000000-0000-4000-8000-000000000001', label: 'a' }],
        second: ['create', { account: '00000000-0000-4000-8000-000000000001', label: 'b' }],
      },
      {
        label: 'safe',
        kind: 'owner row locked by a statement of its own',
        first: ['issue', { account: '00000000-0000-4000-8000-000000000001', label: 'a' }],
        second: ['issue', { account: '00000000-0000-4000-8000-000000000001', label: 'b' }],
      },
      {
        label: 'safe',
        kind: 'idempotent constant after a check',
        first: ['revoke', { account: '00000000-0000-4000-8000-000000000001', label: 'ci' }],
        second: ['revoke', { account: '00000000-0000-4000-8000-000000000001', label: 'ci' }],
      },
    ],
  }),

  pgCase({
    name: 'seats of a flight in an array',
    schema: `create table flights (number text primary key, taken text[] not null default '{}')`,
    seed: `insert into flights values ('XK 12', '{1A,1B}'), ('XK 30', '{}')`,
    routes: {
      assign: async (pool, input) => {
        const { rows } = await pool.query<{ taken: string[] }>('select taken from flights where number = $1', [
          input.flight,
        ])
        const flight = rows[0]
        if (!flight) return { status: 404 }
        if (flight.taken.includes(String(input.seat))) return { status: 409 }
        await pool.query('update flights set taken = array_append(taken, $2) where number = $1', [
          input.flight,
          input.seat,
        ])
        return { status: 201 }
      },
      pick: async (pool, input) => {
        const { rowCount } = await pool.query(
          `update flights set taken = taken || array[$2::text] where number = $1 and not taken @> array[$2::text]`,
          [input.flight, input.seat],
        )
        if (rowCount === 1) return { status: 201 }
        const known = await pool.query('select 1 from flights where number = $1', [input.flight])
        return { status: known.rowCount === 1 ? 409 : 404 }
      },
    },
    traffic: [
      ['assign', { flight: 'XK 30', seat: '4C' }],
      ['assign', { flight: 'XK 30', seat: '4C' }],
      ['pick', { flight: 'XK 30', seat: '4D' }],
      ['pick', { flight: 'XK 30', seat: '4D' }],
      ['assign', { flight: 'XK 99', seat: '1A' }],
      ['pick', { flight: 'XK 99', seat: '1A' }],
      ['assign', { flight: 'XK 12', seat: '9F' }],
      ['pick', { flight: 'XK 12', seat: '9E' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'membership checked in JavaScript, appended atomically',
        first: ['assign', { flight: 'XK 12', seat: '2C' }],
        second: ['assign', { flight: 'XK 12', seat: '2C' }],
      },
      {
        label: 'safe',
        kind: 'conditional update of an array',
        first: ['pick', { flight: 'XK 12', seat: '2C' }],
        second: ['pick', { flight: 'XK 12', seat: '2C' }],
      },
    ],
  }),

  pgCase({
    name: 'files moved between folders with sizes',
    schema: `
      create table folders (id integer primary key, bytes bigint not null);
      create table files (id integer primary key, folder_id integer not null, bytes bigint not null)`,
    seed: `
      insert into folders values (1, 700), (2, 0), (3, 0), (4, 50);
      insert into files values (10, 1, 300), (11, 1, 400), (12, 4, 50)`,
    routes: {
      move: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ folder_id: number; bytes: string }>(
            'select folder_id, bytes from files where id = $1',
            [input.file],
          )
          const file = rows[0]
          if (!file) return { status: 404 }
          await client.query('update files set folder_id = $2 where id = $1', [input.file, input.to])
          await client.query('update folders set bytes = bytes - $2 where id = $1', [file.folder_id, file.bytes])
          await client.query('update folders set bytes = bytes + $2 where id = $1', [input.to, file.bytes])
          return { status: 200 }
        }),
      relocate: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const { rows } = await client.query<{ previous: number; bytes: string }>(
            `update files f set folder_id = $2
             from (select id, folder_id from files where id = $1 for update) o
             where f.id = o.id returning o.folder_id as previous, f.bytes`,
            [input.file, input.to],
          )
          const moved = rows[0]
          if (!moved) return { status: 404 }
          await client.query(
            `update folders set bytes = bytes + case id when $2::int then $3::bigint else -$3::bigint end
             where id = any(array[$1::int, $2::int]) and $1::int <> $2::int`,
            [moved.previous, input.to, moved.bytes],
          )
          return { status: 200 }
        }),
    },
    traffic: [
      ['move', { file: 12, to: 2 }],
      ['relocate', { file: 12, to: 3 }],
      ['relocate', { file: 12, to: 4 }],
      ['move', { file: 99, to: 2 }],
      ['relocate', { file: 99, to: 2 }],
      ['move', { file: 11, to: 4 }],
      ['relocate', { file: 10, to: 4 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'where it was is read before the row is locked',
        first: ['move', { file: 10, to: 2 }],
        second: ['move', { file: 10, to: 3 }],
      },
      {
        label: 'safe',
        kind: 'RETURNING of the old value, locked in the same statement',
        first: ['relocate', { file: 10, to: 2 }],
        second: ['relocate', { file: 10, to: 3 }],
      },
    ],
  }),

  pgCase({
    name: 'mail moved to the archive',
    schema: `
      create table inbox (id bigint primary key, subject text not null);
      create table archive (mail_id bigint not null, subject text not null)`,
    seed: `insert into inbox select n, 'mail ' || n from generate_series(1, 8) n`,
    routes: {
      archive: async (pool, input) =>
        await inTransaction(pool, async (client) => {
          const copied = await client.query(
            'insert into archive (mail_id, subject) select m.id, m.subject from inbox m where m.id = $1',
            [input.id],
          )
          if (copied.rowCount === 0) return { status: 404 }
          await client.query('delete from inbox where id = $1', [input.id])
          return { status: 200 }
        }),
      file: async (pool, input) => {
        const { rows } = await pool.query(
          `with gone as (delete from inbox where id = $1 returning id, subject)
           insert into archive (mail_id, subject) select id, subject from gone returning mail_id`,
          [input.id],
        )
        return rows.length === 1 ? { status: 200 } : { status: 404 }
      },
    },
    traffic: [
      ['archive', { id: 1 }],
      ['archive', { id: 1 }],
      ['file', { id: 2 }],
      ['file', { id: 2 }],
      ['file', { id: 3 }],
      ['archive', { id: 40 }],
      ['archive', { id: 4 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'copied, then deleted: copied twice',
        first: ['archive', { id: 7 }],
        second: ['archive', { id: 7 }],
      },
      {
        label: 'safe',
        kind: 'DELETE … RETURNING feeds the copy',
        first: ['file', { id: 7 }],
        second: ['file', { id: 7 }],
      },
      {
        label: 'clash',
        kind: 'copy and delete against a move in one statement',
        first: ['archive', { id: 8 }],
        second: ['file', { id: 8 }],
      },
    ],
  }),
]
