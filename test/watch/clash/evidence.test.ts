import pg from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { observeClashes, type ClashWatch } from '../../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../../helpers/database.js'

// What counts as a sign that a write follows from a read, and what is alike by chance.

let box: TestDatabase
let pool: pg.Pool
let watching: ClashWatch

beforeAll(async () => {
  box = await openTestDatabase()
  const owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await owner.query(`
    create table mix (id int primary key, songs text[] not null, is_loud boolean not null, secret text, plays int not null);
    create table history (id bigint generated always as identity primary key, mix int, before int, after int);
    create table waiting (id int primary key, room int not null, who int not null);
    create table seat (room int not null, who int not null);
    create table label (id int primary key);
    create table record (id int primary key, label int not null references label);
    create table best (who int primary key, score int not null);
    create table sold (id bigint generated always as identity primary key, what text not null);
    grant all on all tables in schema public to public`)
  await owner.end()
  pool = new pg.Pool({ connectionString: box.url, max: 2 })
})
beforeEach(async () => {
  await pool.query('truncate mix, history, waiting, seat, label, record, best, sold')
  await pool.query(`insert into mix select n, '{intro}', false, 'old ' || n, 40 + n from generate_series(1, 5) n`)
  await pool.query('insert into waiting select n, n % 2, 10 - n from generate_series(1, 8) n')
  await pool.query('insert into label select n from generate_series(1, 5) n; insert into record values (1, 1)')
  watching = await observeClashes(box.db, pg as never)
})
afterEach(async () => {
  await watching.stop()
})
afterAll(async () => {
  await pool.end()
  await box.close()
})

const tell = () => watching.clashes().map(({ kind, table, read }) => [kind, table, read.route])
const find = async (text: string, values: unknown[]) => (await pool.query<Record<string, never>>(text, values)).rows[0]
const inTransaction = async (begin: string, body: (client: pg.PoolClient) => Promise<unknown>) => {
  const client = await pool.connect()
  await client.query(begin)
  const answer = await body(client)
  await client.query('commit')
  client.release()
  return answer
}

test('an array with one more in it', async () => {
  for (const [id, song] of [
    [1, 'verse'],
    [2, 'outro'],
  ] as const)
    await watching.run('POST /songs', { id, song }, async () => {
      const row = await find('select songs from mix where id = $1', [id])
      await pool.query('update mix set songs = $1 where id = $2', [[...(row?.['songs'] ?? []), song], id])
    })
  expect(tell()).toEqual([['lost update', 'mix', 'POST /songs']])
})

test('what a helper of postgres.js stands for', async () => {
  const sql = postgres(box.url, { max: 1 })
  const own = await observeClashes(box.db, sql as never)
  for (const id of [1, 2])
    await own.run('POST /plays', { id }, async () => {
      const [row] = await sql<{ plays: number }[]>`select plays from mix where id = ${id}`
      await sql`update mix set ${sql({ plays: (row?.plays ?? 0) + 1 })} where id = ${id}`
    })
  expect(own.clashes()).toMatchObject([{ kind: 'lost update', table: 'mix', columns: ['plays'] }])
  await own.stop()
  await sql.end()
})

test('the value that was there before, kept beside the one that replaces it', async () => {
  for (const [id, plays] of [
    [1, 7],
    [2, 9],
  ] as const)
    await watching.run('PUT /plays', { id, plays }, async () => {
      const before = (await find('select plays from mix where id = $1', [id]))?.['plays']
      await pool.query('update mix set plays = $1 where id = $2', [plays, id])
      await pool.query('insert into history (mix, before, after) values ($1, $2, $3)', [id, before, plays])
    })
  expect(tell()).toEqual([['lost update', 'mix', 'PUT /plays']])
})

test('the first of those that wait, whatever numbers the request has brought', async () => {
  for (const [room, who] of [
    [0, 2],
    [1, 1],
  ] as const)
    await watching.run('POST /leave', { room, who }, async () => {
      const first = (await find('select id from waiting where room = $1 order by id limit 1', [room]))?.['id']
      await pool.query('delete from waiting where id = $1', [first])
    })
  expect(tell()).toEqual([['queue', 'waiting', 'POST /leave']])
})

test('a list that is read at REPEATABLE READ before a row is added to it: who raises it wants it to count', async () => {
  await pool.query('insert into seat values (1, 7)')
  await watching.run('POST /seats', { room: 1, who: 50 }, async () => {
    await inTransaction('begin isolation level repeatable read', async (client) => {
      await client.query('select who from seat where room = $1', [1])
      await client.query('insert into seat values ($1, $2)', [1, 50])
    })
  })
  expect(tell()).toEqual([['write skew', 'seat', 'POST /seats']])
})

test('what the request has brought was compared with what is there', async () => {
  const change = async (id: number, current: string, secret: string) => {
    const row = await find('select secret from mix where id = $1', [id])
    if (row?.['secret'] !== current) return { status: 403 }
    await pool.query('update mix set secret = $1 where id = $2', [secret, id])
    return { status: 204 }
  }
  for (const [id, current, secret] of [
    [1, 'old 1', 'new 1'],
    [2, 'wrong', 'new 2'],
    [3, 'old 3', 'new 3'],
  ] as const)
    await watching.run('PUT /secret', { id, current, secret }, async () => await change(id, current, secret))
  expect(tell()).toEqual([['check then update', 'mix', 'PUT /secret']])
})

test('a flag that is turned over, where the route says so', async () => {
  for (const route of ['POST /loud/toggle', 'POST /loud/on'])
    for (const id of [1, 2])
      await watching.run(route, { id }, async () => {
        const row = await find('select is_loud from mix where id = $1', [id])
        await pool.query('update mix set is_loud = $1 where id = $2', [row?.['is_loud'] !== true, id])
        await pool.query('update mix set is_loud = false')
      })
  expect(tell()).toContainEqual(['lost update', 'mix', 'POST /loud/toggle'])
  expect(tell()).not.toContainEqual(['lost update', 'mix', 'POST /loud/on'])
})

test('a count that is as large as a number that is written, once, is chance', async () => {
  const count = async (id: number, who: number) => {
    await find('select count(*)::int as n from waiting where room = $1', [id % 2])
    await pool.query('update mix set plays = $1 where id = $2', [who, id])
  }
  // Nothing tells that 5 was given.
  await watching.run('POST /chance', {}, async () => await count(1, 5))
  expect(tell()).toEqual([])
  await watching.run('POST /chance', {}, async () => await count(2, 90))
  expect(tell()).toEqual([])
})

test('whoever counts when his own is committed is seen by the other, or sees it', async () => {
  const approve = async (room: number, who: number) => {
    await pool.query('insert into seat values ($1, $2)', [room, who])
    const row = await find('select count(*)::int as n from seat where room = $1', [room])
    if ((row?.['n'] ?? 0) < 2) return
    await pool.query('update mix set is_loud = true where id = $1', [room])
  }
  for (const [room, who] of [
    [1, 1],
    [1, 2],
    [2, 1],
  ] as const)
    await watching.run('POST /approvals', { room, who }, async () => await approve(room, who))
  expect(tell()).toEqual([])
})

test('who is referred to cannot be deleted, and who is deleted cannot be referred to', async () => {
  const remove = async (id: number) => {
    const row = await find('select count(*)::int as n from record where label = $1', [id])
    if ((row?.['n'] ?? 0) > 0) return { status: 409 }
    await pool.query('delete from label where id = $1', [id])
    return { status: 204 }
  }
  for (const id of [1, 2]) await watching.run('DELETE /labels', { id }, async () => await remove(id))
  for (const id of [3, 4])
    await watching.run('POST /records', { id }, async () => {
      await find('select id from label where id = $1', [id])
      await pool.query('insert into record values ($1, $1)', [id])
    })
  expect(tell()).toEqual([])
})

test('an upsert that computes from what is there needs no look', async () => {
  for (const [who, score] of [
    [1, 5],
    [1, 9],
    [2, 4],
  ] as const)
    await watching.run('PUT /best', { who, score }, async () => {
      await find('select score from best where who = $1', [who])
      await pool.query(
        `insert into best as b values ($1, $2) on conflict (who) do update set score = greatest(b.score, excluded.score)`,
        [who, score],
      )
    })
  expect(tell()).toEqual([])
})

test('a column of the row that is written is read too: who wins is who leads', async () => {
  const bid = async (id: number, plays: number) => {
    const row = await find('select plays, is_loud from mix where id = $1', [id])
    if (row?.['is_loud'] === true) return { status: 409 }
    await pool.query('insert into history (mix, after) values ($1, $2)', [id, plays])
    await pool.query('update mix set secret = $1 where id = $2', [`leads with ${plays}`, id])
    return { status: 201 }
  }
  await pool.query('update mix set is_loud = true where id = 5')
  for (const id of [1, 5, 2])
    await watching.run('POST /bids', { id, plays: 70 + id }, async () => await bid(id, 70 + id))
  for (const id of [1, 2])
    await watching.run('POST /close', { id }, async () => {
      await pool.query('update mix set is_loud = true, songs = array[secret] where id = $1', [id])
    })
  expect(watching.clashes().map(({ read, other }) => [read.route, other.route])).toContainEqual([
    'POST /bids',
    'POST /close',
  ])
})

test('what a WITH reads for RETURNING alone decides nothing; what the statement takes from it does', async () => {
  const touch = `with loud as (select count(*) as n from mix where is_loud)
    update mix set secret = $1 where id = $2`
  for (const id of [1, 2]) {
    await watching.run('PUT /shown', { id }, async () => {
      await pool.query(`${touch} returning id, (select n from loud)`, [`said ${id}`, id])
    })
    await watching.run('PUT /limited', { id }, async () => {
      await pool.query(
        `with loud as (select count(*) as n from mix where is_loud), few as (select n < 3 as ok from loud)
        update mix set is_loud = true where id = $1 and (select ok from few)`,
        [id],
      )
    })
  }
  expect(new Set(watching.clashes().map(({ read }) => read.route))).toEqual(new Set(['PUT /limited']))
})

test('what a request writes besides, for every caller alike, is no way back', async () => {
  const note = async (id: number) => {
    const row = await find('select is_loud from mix where id = $1', [id])
    if (row === undefined) return { status: 404 }
    await pool.query('insert into history (mix) values ($1)', [id])
    await pool.query('update waiting set who = who + 1 where room = $1', [0])
    return { status: 200 }
  }
  for (const id of [1, 2, 99]) await watching.run('POST /seen', { id }, async () => await note(id))
  for (const id of [1, 2])
    await watching.run('DELETE /mixes', { id }, async () => {
      await pool.query('update waiting set who = who + 1 where room = $1', [0])
      await pool.query('delete from mix where id = $1', [id + 3])
    })
  expect(tell()).toEqual([])
})

test('what is rolled back was not written', async () => {
  for (const room of [1, 2])
    await watching.run('POST /may-i', { room }, async () => {
      await inTransaction('begin', async (client) => {
        await client.query('select count(*)::int as n from seat where room = $1', [room])
        await client.query('insert into seat values ($1, 77)', [room])
        await client.query('rollback')
      })
    })
  expect(tell()).toEqual([])
})

test('whether one is there, asked by EXISTS: a clash where no index covers it, and none where one does', async () => {
  for (const [table, key] of [
    ['seat', 'room'],
    ['best', 'who'],
  ] as const)
    for (const n of [41, 42])
      await watching.run(`POST /${table}`, { n }, async () => {
        const row = await find(`select exists (select from ${table} where ${key} = $1) as taken`, [n])
        if (row?.['taken'] !== true) await pool.query(`insert into ${table} values ($1, 3000 + $1)`, [n])
      })
  expect(tell()).toEqual([['check then insert', 'seat', 'POST /seat']])
})

test('a copy stays as it was when it was made, unless all copies are changed along with it', async () => {
  for (const id of [1, 2])
    await watching.run('POST /plays', { id }, async () => {
      const row = await find('select secret from mix where id = $1', [id])
      await pool.query('insert into label values ($1)', [id + 100])
      await pool.query('insert into sold (what) values ($1)', [row?.['secret']])
    })
  for (const id of [1, 2])
    await watching.run('PUT /secret', { id, secret: `new ${id}` }, async () => {
      await pool.query('update mix set secret = $1 where id = $2', [`new ${id}`, id])
    })
  expect(tell()).toEqual([])
  for (const id of [1, 2])
    await watching.run('PUT /secret', { id, secret: `newer ${id}` }, async () => {
      await pool.query('update mix set secret = $1 where id = $2', [`newer ${id}`, id])
      await pool.query('update sold set what = $1 where what = $2', [`newer ${id}`, `new ${id}`])
    })
  expect(tell()).toEqual([['lost update', 'mix', 'POST /plays']])
})

test('rows of what the request has just made are its own', async () => {
  for (const name of ['first', 'second'])
    await watching.run('POST /rooms', { name }, async () => {
      await inTransaction('begin', async (client) => {
        const { rows } = await client.query<{ id: string }>(`insert into history (mix) values (1) returning id`)
        await client.query('delete from seat where room = $1', [rows[0]?.id])
        await client.query('insert into seat select id, 9 from history where id = $1', [rows[0]?.id])
      })
    })
  expect(tell()).toEqual([])
})
