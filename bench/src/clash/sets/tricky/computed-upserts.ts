import { postgresJsCase, type ClashCase } from '../../corpus.js'
import { readSqlState } from './transaction.js'

/** postgres.js: ranks, limits and flags that the statement computes, or nearly. */
export const cases: ClashCase[] = [
  postgresJsCase({
    name: 'requests counted per key and window',
    schema: `create table buckets (api_key text primary key, used integer not null)`,
    seed: `insert into buckets values ('k-one', 1), ('k-two', 3), ('k-six', 0)`,
    routes: {
      // ON CONFLICT makes the write atomic; the number that it writes is of before.
      hit: async (sql, input) => {
        const key = String(input.key)
        const [bucket] = await sql<{ used: number }[]>`select used from buckets where api_key = ${key}`
        const used = (bucket?.used ?? 0) + 1
        if (used > 4) return { status: 429 }
        await sql`
          insert into buckets (api_key, used) values (${key}, ${used})
          on conflict (api_key) do update set used = excluded.used`
        return { status: 200 }
      },
      touch: async (sql, input) => {
        const key = String(input.key)
        const [bucket] = await sql<{ used: number }[]>`
          insert into buckets as b (api_key, used) values (${key}, 1)
          on conflict (api_key) do update set used = b.used + excluded.used where b.used < 4
          returning used`
        return { status: bucket ? 200 : 429 }
      },
    },
    traffic: [
      ['hit', { key: 'k-two' }],
      ['hit', { key: 'k-two' }],
      ['touch', { key: 'k-two' }],
      ['touch', { key: 'k-six' }],
      ['hit', { key: 'k-six' }],
      ['touch', { key: 'k-new' }],
      ['hit', { key: 'k-newer' }],
      ['touch', { key: 'k-newer' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'upsert of a value computed in JavaScript',
        first: ['hit', { key: 'k-one' }],
        second: ['hit', { key: 'k-one' }],
      },
      {
        label: 'safe',
        kind: 'upsert with an increment and a condition',
        first: ['touch', { key: 'k-two' }],
        second: ['touch', { key: 'k-two' }],
      },
      {
        label: 'safe',
        kind: 'upsert of a row that is not there yet',
        first: ['touch', { key: 'k-nil' }],
        second: ['touch', { key: 'k-nil' }],
      },
    ],
  }),

  postgresJsCase({
    name: 'places at the finish line',
    schema: `
      create table races (name text primary key, finished integer not null);
      create table finishers (race text not null, runner text not null, place integer not null,
        primary key (race, runner));
      create table results (race text not null, runner text not null, place integer not null,
        primary key (race, runner), unique (race, place))`,
    seed: `
      insert into races values ('1k', 0), ('5k', 1), ('10k', 1);
      insert into finishers values ('5k', 'r1', 1), ('10k', 'r8', 1);
      insert into results values ('5k', 'r1', 1), ('10k', 'r8', 1)`,
    routes: {
      finish: async (sql, input) => {
        const { race, runner } = input as { race: string; runner: string }
        return await sql.begin(async (tx) => {
          const added = await tx`
            insert into finishers (race, runner, place)
            select ${race}, ${runner}, count(*) + 1 from finishers where race = ${race}
            on conflict (race, runner) do nothing returning place`
          if (added.length === 0) return { status: 409 }
          await tx`update races set finished = finished + 1 where name = ${race}`
          return { status: 201 }
        })
      },
      record: async (sql, input) => {
        const { race, runner } = input as { race: string; runner: string }
        for (;;) {
          try {
            const added = await sql`
              insert into results (race, runner, place)
              select ${race}, ${runner}, count(*) + 1 from results where race = ${race}
              on conflict (race, runner) do nothing returning place`
            return { status: added.length === 1 ? 201 : 409 }
          } catch (error) {
            if (readSqlState(error) !== '23505') throw error
          }
        }
      },
    },
    traffic: [
      ['finish', { race: '10k', runner: 'r9' }],
      ['finish', { race: '10k', runner: 'r9' }],
      ['record', { race: '10k', runner: 'r9' }],
      ['record', { race: '10k', runner: 'r9' }],
      ['record', { race: '1k', runner: 'r2' }],
      ['finish', { race: '1k', runner: 'r2' }],
      ['finish', { race: '1k', runner: 'r3' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'count + 1 inserted, the unique index is over the runner',
        first: ['finish', { race: '5k', runner: 'r2' }],
        second: ['finish', { race: '5k', runner: 'r3' }],
      },
      {
        label: 'safe',
        kind: 'count + 1 inserted, unique place, tried again',
        first: ['record', { race: '5k', runner: 'r2' }],
        second: ['record', { race: '5k', runner: 'r3' }],
      },
    ],
  }),

  postgresJsCase({
    name: 'one address is the default',
    schema: `
      create table addresses (
        id integer primary key, user_id integer not null, street text not null, is_default boolean not null
      );
      create table changes (user_id integer not null, address_id integer not null)`,
    seed: `
      insert into addresses values (1, 1, 'Elm 1', true), (2, 1, 'Elm 2', false), (3, 1, 'Elm 3', false),
        (4, 2, 'Oak 4', true), (5, 2, 'Oak 5', false)`,
    routes: {
      // Skips the rows that have the right value already - in this statement's snapshot.
      choose: async (sql, input) => {
        const { user, id } = input as { user: number; id: number }
        const [own] = await sql`select 1 from addresses where id = ${id} and user_id = ${user}`
        if (!own) return { status: 404 }
        await sql.begin(async (tx) => {
          await tx`
            update addresses set is_default = (id = ${id})
            where user_id = ${user} and is_default <> (id = ${id})`
          await tx`insert into changes (user_id, address_id) values (${user}, ${id})`
        })
        return { status: 204 }
      },
      prefer: async (sql, input) => {
        const { user, id } = input as { user: number; id: number }
        const [own] = await sql`select 1 from addresses where id = ${id} and user_id = ${user}`
        if (!own) return { status: 404 }
        await sql`update addresses set is_default = (id = ${id}) where user_id = ${user}`
        return { status: 204 }
      },
      select: async (sql, input) => {
        const { user, id } = input as { user: number; id: number }
        const [own] = await sql`select 1 from addresses where id = ${id} and user_id = ${user}`
        if (!own) return { status: 404 }
        await sql`update addresses set is_default = false where user_id = ${user}`
        await sql`update addresses set is_default = true where id = ${id}`
        return { status: 204 }
      },
    },
    traffic: [
      ['choose', { user: 2, id: 5 }],
      ['prefer', { user: 2, id: 4 }],
      ['select', { user: 2, id: 5 }],
      ['choose', { user: 2, id: 1 }],
      ['prefer', { user: 2, id: 1 }],
      ['select', { user: 9, id: 1 }],
      ['prefer', { user: 1, id: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'rows that seemed right already are left out of the update',
        first: ['choose', { user: 1, id: 2 }],
        second: ['choose', { user: 1, id: 3 }],
      },
      {
        label: 'clash',
        kind: 'clear all and set one, in two statements without a transaction',
        first: ['select', { user: 1, id: 2 }],
        second: ['select', { user: 1, id: 3 }],
      },
      {
        label: 'safe',
        kind: 'the flag of all rows in one statement',
        first: ['prefer', { user: 1, id: 2 }],
        second: ['prefer', { user: 1, id: 3 }],
      },
    ],
  }),

  postgresJsCase({
    name: 'best score of a player',
    schema: `create table bests (game text not null, player text not null, score integer not null,
      primary key (game, player))`,
    seed: `insert into bests values ('maze', 'kim', 50), ('maze', 'lou', 10), ('golf', 'kim', 3)`,
    routes: {
      submit: async (sql, input) => {
        const { game, player, score } = input as { game: string; player: string; score: number }
        const [best] = await sql<{ score: number }[]>`
          select score from bests where game = ${game} and player = ${player}`
        if (!best) await sql`insert into bests values (${game}, ${player}, ${score}) on conflict do nothing`
        else if (score > best.score)
          await sql`update bests set score = ${score} where game = ${game} and player = ${player}`
        return { status: 200 }
      },
      report: async (sql, input) => {
        const { game, player, score } = input as { game: string; player: string; score: number }
        const [before] = await sql<{ score: number }[]>`
          select score from bests where game = ${game} and player = ${player}`
        await sql`
          insert into bests as b values (${game}, ${player}, ${score})
          on conflict (game, player) do update set score = greatest(b.score, excluded.score)`
        return { status: 200, body: { improved: score > (before?.score ?? 0) } }
      },
    },
    traffic: [
      ['submit', { game: 'maze', player: 'lou', score: 20 }],
      ['submit', { game: 'maze', player: 'lou', score: 15 }],
      ['report', { game: 'golf', player: 'kim', score: 9 }],
      ['report', { game: 'golf', player: 'kim', score: 4 }],
      ['submit', { game: 'golf', player: 'lou', score: 4 }],
      ['report', { game: 'dice', player: 'lou', score: 6 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'maximum decided in JavaScript',
        first: ['submit', { game: 'maze', player: 'kim', score: 90 }],
        second: ['submit', { game: 'maze', player: 'kim', score: 80 }],
      },
      {
        label: 'clash',
        kind: 'first score of a player: the better one is dropped by DO NOTHING',
        first: ['submit', { game: 'golf', player: 'max', score: 5 }],
        second: ['submit', { game: 'golf', player: 'max', score: 7 }],
      },
      {
        label: 'safe',
        kind: 'greatest() in the upsert; the read is for display',
        first: ['report', { game: 'maze', player: 'kim', score: 90 }],
        second: ['report', { game: 'maze', player: 'kim', score: 80 }],
      },
    ],
  }),
]
