import type { Pool, PoolClient } from 'pg'
import { pgCase, type ClashCase } from '../../corpus.js'

async function inTransaction<Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

const turns = new Map<string, Promise<unknown>>()

/** One at a time for each key, in this process. */
async function takeTurn<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
  const before = turns.get(key) ?? Promise.resolve()
  const mine = before.then(work, work)
  turns.set(key, mine)
  return await mine
}

const inventory = pgCase({
  name: 'game-inventory',
  schema: `
    create table players (id int primary key, name text not null, carry int not null, gold int not null);
    create table items (id int primary key, owner_id int not null references players, name text not null, weight int not null);
    create table equipped (
      player_id int not null references players,
      slot text not null,
      weight int not null,
      primary key (player_id, slot)
    );
    create table materials (player_id int not null references players, kind text not null, amount int not null, primary key (player_id, kind));
    create table crafted (id int generated always as identity primary key, player_id int not null references players, recipe text not null);
    create function use_material(who int, what text, needed int) returns boolean language plpgsql as $$
    declare
      have int;
    begin
      select amount into have from materials where player_id = who and kind = what;
      if have is null or have < needed then
        return false;
      end if;
      update materials set amount = have - needed where player_id = who and kind = what;
      return true;
    end
    $$;
  `,
  seed: `
    insert into players values (1, 'rook', 100, 700), (2, 'wren', 60, 480), (3, 'lark', 80, 930);
    insert into items values (601, 1, 'silver key', 1), (602, 1, 'war hammer', 45), (603, 2, 'map', 2), (604, 3, 'lantern', 6);
    insert into equipped values (1, 'head', 30), (2, 'head', 15), (2, 'feet', 5);
    insert into materials values (1, 'iron', 100), (2, 'iron', 15), (3, 'iron', 240), (3, 'wood', 85);
  `,
  routes: {
    'POST /items/:item/give': async (pool, input) => {
      const found = await pool.query<{ owner_id: number }>('select owner_id from items where id = $1', [input.item])
      const item = found.rows[0]
      if (!item) return { status: 404 }
      if (item.owner_id !== input.player) return { status: 403 }
      const given = await pool.query('update items set owner_id = $3 where id = $1 and owner_id = $2', [
        input.item,
        input.player,
        input.to,
      ])
      return { status: given.rowCount === 1 ? 200 : 403 }
    },
    'PUT /players/:player/equipment/:slot': async (pool, input) =>
      await inTransaction(pool, async (client) => {
        const players = await client.query<{ carry: number }>('select carry from players where id = $1', [input.player])
        const player = players.rows[0]
        if (!player) return { status: 404 }
        const sum = await client.query<{ weight: number }>(
          'select coalesce(sum(weight), 0)::int as weight from equipped where player_id = $1 and slot <> $2',
          [input.player, input.slot],
        )
        if ((sum.rows[0]?.weight ?? 0) + Number(input.weight) > player.carry) return { status: 409 }
        await client.query(
          `insert into equipped (player_id, slot, weight) values ($1, $2, $3)
           on conflict (player_id, slot) do update set weight = excluded.weight`,
          [input.player, input.slot, input.weight],
        )
        return { status: 200 }
      }),
    'POST /players/:player/craft': async (pool, input) =>
      await inTransaction(pool, async (client) => {
        const used = await client.query<{ ok: boolean }>('select use_material($1, $2, $3) as ok', [
          input.player,
          input.kind,
          input.amount,
        ])
        if (!used.rows[0]?.ok) return { status: 409 }
        await client.query('insert into crafted (player_id, recipe) values ($1, $2)', [input.player, input.recipe])
        return { status: 201 }
      }),
    'POST /players/:player/buy': async (pool, input) =>
      await takeTurn(`player ${String(input.player)}`, async () => {
        const found = await pool.query<{ gold: number }>('select gold from players where id = $1', [input.player])
        const gold = found.rows[0]?.gold
        if (gold === undefined) return { status: 404 }
        const left = gold - Number(input.price)
        if (left < 0) return { status: 402 }
        await pool.query('update players set gold = $2 where id = $1', [input.player, left])
        return { status: 200, body: { left } }
      }),
    'POST /players/:player/pay': async (pool, input) =>
      await inTransaction(pool, async (client) => {
        const ids = [Number(input.player), Number(input.to)].sort((a, b) => a - b)
        const locked = await client.query<{ id: number; gold: number }>(
          'select id, gold from players where id = any($1) order by id for update',
          [ids],
        )
        const payer = locked.rows.find((row) => row.id === input.player)
        const payee = locked.rows.find((row) => row.id === input.to)
        if (!payer || !payee) return { status: 404 }
        if (payer.gold < Number(input.gold)) return { status: 402 }
        await client.query('update players set gold = $2 where id = $1', [payer.id, payer.gold - Number(input.gold)])
        await client.query('update players set gold = $2 where id = $1', [payee.id, payee.gold + Number(input.gold)])
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /items/:item/give', { item: 603, player: 2, to: 3 }],
    ['POST /items/:item/give', { item: 603, player: 2, to: 1 }],
    ['PUT /players/:player/equipment/:slot', { player: 1, slot: 'feet', weight: 12 }],
    ['PUT /players/:player/equipment/:slot', { player: 2, slot: 'hands', weight: 41 }],
    ['PUT /players/:player/equipment/:slot', { player: 2, slot: 'head', weight: 18 }],
    ['POST /players/:player/craft', { player: 3, kind: 'iron', amount: 22, recipe: 'dagger' }],
    ['POST /players/:player/craft', { player: 2, kind: 'iron', amount: 22, recipe: 'dagger' }],
    ['POST /players/:player/buy', { player: 3, price: 64 }],
    ['POST /players/:player/buy', { player: 2, price: 5000 }],
    ['POST /players/:player/pay', { player: 1, to: 2, gold: 37 }],
    ['POST /players/:player/pay', { player: 2, to: 3, gold: 9000 }],
    ['POST /players/:player/pay', { player: 2, to: 99, gold: 1 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'owner read, and again in the condition',
      first: ['POST /items/:item/give', { item: 601, player: 1, to: 2 }],
      second: ['POST /items/:item/give', { item: 601, player: 1, to: 3 }],
    },
    {
      label: 'clash',
      kind: 'sum over a set, the unique key covers the slot only',
      first: ['PUT /players/:player/equipment/:slot', { player: 1, slot: 'hands', weight: 45 }],
      second: ['PUT /players/:player/equipment/:slot', { player: 1, slot: 'back', weight: 55 }],
    },
    {
      label: 'clash',
      kind: 'lost update in a function',
      first: ['POST /players/:player/craft', { player: 1, kind: 'iron', amount: 60, recipe: 'shield' }],
      second: ['POST /players/:player/craft', { player: 1, kind: 'iron', amount: 70, recipe: 'helmet' }],
      hidden: 'the check and the write are in the body of the function',
    },
    {
      label: 'safe',
      kind: 'read, compute, write, one at a time',
      first: ['POST /players/:player/buy', { player: 3, price: 500 }],
      second: ['POST /players/:player/buy', { player: 3, price: 600 }],
      hidden: 'the guard is a queue in the process',
    },
    {
      label: 'safe',
      kind: 'both rows locked in one order',
      first: ['POST /players/:player/pay', { player: 1, to: 2, gold: 650 }],
      second: ['POST /players/:player/pay', { player: 2, to: 1, gold: 450 }],
    },
    {
      label: 'clash',
      kind: 'a queue in the process against a lock of the row',
      first: ['POST /players/:player/buy', { player: 3, price: 500 }],
      second: ['POST /players/:player/pay', { player: 3, to: 2, gold: 600 }],
    },
  ],
})

export const cases: ClashCase[] = [inventory]
