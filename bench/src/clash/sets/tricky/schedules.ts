import { knexCase, type ClashCase } from '../../corpus.js'
import { retrySerialization } from './transaction.js'

/** Knex: seats, orders of lists, days, rosters. */
export const cases: ClashCase[] = [
  knexCase({
    name: 'theatre seats are held for a while',
    schema: `create table seats (hall integer not null, seat text not null, holder text, held_until timestamptz,
      primary key (hall, seat))`,
    seed: `
      insert into seats (hall, seat) values (1, 'A1'), (1, 'A2'), (1, 'A3'), (2, 'A1');
      insert into seats values (1, 'B1', 'old', now() - interval '1 hour'), (1, 'B2', 'new', now() + interval '1 hour')`,
    routes: {
      hold: async (db, input) => {
        const key = { hall: input.hall, seat: input.seat }
        const seat = await db('seats').where(key).first('holder', 'held_until')
        if (!seat) return { status: 404 }
        const free = seat.holder === null || seat.held_until < new Date() || seat.holder === input.who
        if (!free) return { status: 409 }
        await db('seats')
          .where(key)
          .update({ holder: input.who, held_until: new Date(Date.now() + 600_000) })
        return { status: 200 }
      },
      claim: async (db, input) => {
        const claimed = await db('seats')
          .where({ hall: input.hall, seat: input.seat })
          .andWhere((free) => {
            void free.whereNull('holder').orWhere('held_until', '<', db.fn.now()).orWhere('holder', String(input.who))
          })
          .update({ holder: input.who, held_until: db.raw(`now() + interval '10 minutes'`) })
        return { status: claimed === 1 ? 200 : 409 }
      },
    },
    traffic: [
      ['hold', { hall: 1, seat: 'A2', who: 'pia' }],
      ['hold', { hall: 1, seat: 'A2', who: 'rob' }],
      ['claim', { hall: 1, seat: 'A2', who: 'pia' }],
      ['claim', { hall: 1, seat: 'A2', who: 'rob' }],
      ['hold', { hall: 1, seat: 'Z9', who: 'rob' }],
      ['claim', { hall: 1, seat: 'A3', who: 'rob' }],
      ['hold', { hall: 1, seat: 'B2', who: 'rob' }],
      ['claim', { hall: 1, seat: 'B2', who: 'rob' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'an expired hold is taken over twice',
        first: ['hold', { hall: 1, seat: 'B1', who: 'pia' }],
        second: ['hold', { hall: 1, seat: 'B1', who: 'rob' }],
      },
      {
        label: 'safe',
        kind: 'expiry in the condition of the update',
        first: ['claim', { hall: 1, seat: 'B1', who: 'pia' }],
        second: ['claim', { hall: 1, seat: 'B1', who: 'rob' }],
      },
      {
        label: 'safe',
        kind: 'the holder holds again: any order is allowed',
        first: ['hold', { hall: 1, seat: 'B2', who: 'new' }],
        second: ['hold', { hall: 1, seat: 'B2', who: 'new' }],
      },
    ],
  }),

  knexCase({
    name: 'playlist put in order',
    schema: `create table tracks (id integer primary key, playlist integer not null, position integer not null)`,
    seed: `insert into tracks values (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2), (5, 2, 3)`,
    routes: {
      reorder: async (db, input) => {
        const { playlist, ids } = input as { playlist: number; ids: number[] }
        const { count } = await db('tracks').where({ playlist }).whereIn('id', ids).count().first<{ count: string }>()
        if (Number(count) !== ids.length) return { status: 422 }
        for (const [index, id] of ids.entries()) {
          await db('tracks')
            .where({ id, playlist })
            .update({ position: index + 1 })
        }
        return { status: 204 }
      },
      arrange: async (db, input) =>
        await db.transaction(async (trx) => {
          const { playlist, ids } = input as { playlist: number; ids: number[] }
          const { count } = await trx('tracks')
            .where({ playlist })
            .whereIn('id', ids)
            .count()
            .first<{ count: string }>()
          if (Number(count) !== ids.length) return { status: 422 }
          for (const [index, id] of ids.entries()) {
            await trx('tracks')
              .where({ id, playlist })
              .update({ position: index + 1 })
          }
          return { status: 204 }
        }),
      add: async (db, input) => {
        const { playlist, id } = input as { playlist: number; id: number }
        const last = await db('tracks').where({ playlist }).orderBy('position', 'desc').first('position')
        await db('tracks').insert({ id, playlist, position: (last?.position ?? 0) + 1 })
        return { status: 201 }
      },
    },
    traffic: [
      ['reorder', { playlist: 2, ids: [5, 3, 4] }],
      ['arrange', { playlist: 2, ids: [3, 4, 5] }],
      ['reorder', { playlist: 2, ids: [1, 3] }],
      ['arrange', { playlist: 1, ids: [9] }],
      ['add', { playlist: 2, id: 20 }],
      ['add', { playlist: 3, id: 21 }],
      ['add', { playlist: 3, id: 22 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'blind writes of several rows without a transaction are mixed',
        first: ['reorder', { playlist: 1, ids: [1, 2] }],
        second: ['reorder', { playlist: 1, ids: [2, 1] }],
      },
      {
        label: 'safe',
        kind: 'blind writes of several rows in a transaction: mixed only by a deadlock',
        first: ['arrange', { playlist: 1, ids: [1, 2] }],
        second: ['arrange', { playlist: 1, ids: [2, 1] }],
      },
      {
        label: 'clash',
        kind: 'last position read, next one inserted',
        first: ['add', { playlist: 2, id: 30 }],
        second: ['add', { playlist: 2, id: 31 }],
      },
    ],
  }),

  knexCase({
    name: 'daily bonus',
    schema: `
      create table users (id integer primary key, points integer not null, bonus_on date);
      create table claims (user_id integer not null, day date not null, primary key (user_id, day))`,
    seed: `insert into users values (1, 10, '2030-01-01'), (2, 0, null), (3, 5, '2030-01-01'), (4, 7, null)`,
    routes: {
      collect: async (db, input) =>
        await db.transaction(async (trx) => {
          const { user: id, day } = input as { user: number; day: string }
          const user = await trx('users').where({ id }).first('points', trx.raw('bonus_on::text as bonus_on'))
          if (!user) return { status: 404 }
          if (user.bonus_on === day) return { status: 409 }
          await trx('users')
            .where({ id })
            .update({ points: user.points + 5, bonus_on: day })
          return { status: 200 }
        }),
      claim: async (db, input) =>
        await db.transaction(async (trx) => {
          const { user: id, day } = input as { user: number; day: string }
          const user = await trx('users').where({ id }).first('points')
          if (!user) return { status: 404 }
          const added = await trx('claims').insert({ user_id: id, day }).onConflict().ignore().returning('day')
          if (added.length === 0) return { status: 409 }
          await trx('users').where({ id }).increment('points', 5)
          return { status: 200, body: { points: user.points + 5 } }
        }),
    },
    traffic: [
      ['collect', { user: 2, day: '2030-02-01' }],
      ['collect', { user: 2, day: '2030-02-01' }],
      ['claim', { user: 2, day: '2030-02-01' }],
      ['claim', { user: 2, day: '2030-02-01' }],
      ['collect', { user: 9, day: '2030-02-01' }],
      ['claim', { user: 9, day: '2030-02-01' }],
      ['claim', { user: 4, day: '2030-02-02' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'both collect: the state is as if one had, the answers are not',
        first: ['collect', { user: 1, day: '2030-02-01' }],
        second: ['collect', { user: 1, day: '2030-02-01' }],
      },
      {
        label: 'safe',
        kind: 'key inserted with DO NOTHING before the increment',
        first: ['claim', { user: 1, day: '2030-02-01' }],
        second: ['claim', { user: 1, day: '2030-02-01' }],
      },
    ],
  }),

  knexCase({
    name: 'somebody stays on call',
    schema: `create table shifts (ward text not null, doctor text not null, on_call boolean not null,
      primary key (ward, doctor))`,
    seed: `insert into shifts values ('east', 'dr a', true), ('east', 'dr b', true), ('west', 'dr c', true),
      ('west', 'dr d', true), ('west', 'dr e', true), ('north', 'dr f', true)`,
    routes: {
      off: async (db, input) =>
        await db.transaction(async (trx) => {
          const { ward, doctor } = input as { ward: string; doctor: string }
          const own = await trx('shifts').where({ ward, doctor }).forUpdate().first()
          if (!own?.on_call) return { status: 404 }
          const { count } = await trx('shifts')
            .where({ ward, on_call: true })
            .whereNot({ doctor })
            .count()
            .first<{ count: string }>()
          if (Number(count) === 0) return { status: 409 }
          await trx('shifts').where({ ward, doctor }).update({ on_call: false })
          return { status: 200 }
        }),
      leave: async (db, input) =>
        await db.transaction(async (trx) => {
          const { ward, doctor } = input as { ward: string; doctor: string }
          const onCall = await trx('shifts').where({ ward, on_call: true }).orderBy('doctor').forUpdate()
          if (!onCall.some((row) => row.doctor === doctor)) return { status: 404 }
          if (onCall.length === 1) return { status: 409 }
          await trx('shifts').where({ ward, doctor }).update({ on_call: false })
          return { status: 200 }
        }),
      rest: async (db, input) =>
        await retrySerialization(
          async () =>
            await db.transaction(
              async (trx) => {
                const { ward, doctor } = input as { ward: string; doctor: string }
                const onCall = await trx('shifts').where({ ward, on_call: true }).pluck('doctor')
                if (!onCall.includes(doctor)) return { status: 404 }
                if (onCall.length === 1) return { status: 409 }
                await trx('shifts').where({ ward, doctor }).update({ on_call: false })
                return { status: 200 }
              },
              { isolationLevel: 'serializable' },
            ),
        ),
    },
    traffic: [
      ['off', { ward: 'west', doctor: 'dr c' }],
      ['off', { ward: 'west', doctor: 'dr c' }],
      ['leave', { ward: 'west', doctor: 'dr d' }],
      ['leave', { ward: 'west', doctor: 'dr e' }],
      ['rest', { ward: 'west', doctor: 'dr e' }],
      ['rest', { ward: 'west', doctor: 'dr d' }],
      ['off', { ward: 'north', doctor: 'dr f' }],
      ['rest', { ward: 'east', doctor: 'dr a' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'write skew, each locks its own row',
        first: ['off', { ward: 'east', doctor: 'dr a' }],
        second: ['off', { ward: 'east', doctor: 'dr b' }],
      },
      {
        label: 'safe',
        kind: 'the set is locked in order',
        first: ['leave', { ward: 'east', doctor: 'dr a' }],
        second: ['leave', { ward: 'east', doctor: 'dr b' }],
      },
      {
        label: 'safe',
        kind: 'SERIALIZABLE, tried again',
        first: ['rest', { ward: 'east', doctor: 'dr a' }],
        second: ['rest', { ward: 'east', doctor: 'dr b' }],
      },
    ],
  }),
]
