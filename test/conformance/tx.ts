import { beforeEach, describe, expect, test } from 'vitest'
import { sql, type Db, type Tx } from '../../src/index.js'
import { readSqlstate } from '../../src/core/index.js'

/** One way to come to a `Tx`: core's own, or one begun by another library. */
export interface TxSubject {
  name: string
  /** Runs `body` in a transaction of this kind; what the body throws rolls it back and is thrown. */
  begin: <T>(body: (tx: Tx) => Promise<T>) => Promise<T>
  /** An abort ends the statement on the server; otherwise its end is awaited and the transaction fails. */
  cancelsOnServer: boolean
  /** Kysely tells neither `command` nor `fields`. */
  tellsCommand: boolean
}

/** What every `Tx` must do, whoever began it. `db` looks from outside. */
export function describeTx(subject: TxSubject, db: () => Db): void {
  const { begin } = subject
  const countNotes = async () => (await db().sql<{ n: number }>`select count(*)::int as n from note`)[0]?.n
  const readOne = async (text: string, ...params: unknown[]) =>
    await begin(async (tx) => (await tx.query<{ v: unknown }>(text, params)).rows[0]?.v)

  describe(`Tx: ${subject.name}`, () => {
    beforeEach(async () => {
      await db().query('create table if not exists note (id int primary key, text text)')
      await db().query('truncate note')
    })

    test('commits what the body did and gives what it gave', async () => {
      const given = await begin(async (tx) => {
        await tx.sql`insert into note values (${1}, ${'a'})`
        return 'given'
      })
      expect(given).toBe('given')
      expect(await countNotes()).toBe(1)
    })

    test('rolls back when the body throws', async () => {
      const failing = begin(async (tx) => {
        await tx.sql`insert into note values (1, 'a')`
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      expect(await countNotes()).toBe(0)
    })

    test('a result has rows, rowCount and, where known, the command', async () => {
      await begin(async (tx) => {
        const inserted = await tx.query(`insert into note select n, 'x' from generate_series(1, $1::int) as n`, [3])
        expect(inserted).toMatchObject({ rows: [], rowCount: 3 })
        const read = await tx.query('select id from note order by id')
        expect(read).toMatchObject({ rows: [{ id: 1 }, { id: 2 }, { id: 3 }], rowCount: 3 })
        expect(Array.isArray(read.rows)).toBe(true)
        const returned = await tx.query('update note set text = $1 where id > 1 returning id', ['y'])
        expect(returned).toMatchObject({ rows: [{ id: 2 }, { id: 3 }], rowCount: 2 })
        expect(await tx.query('delete from note where id = $1', [9])).toMatchObject({ rowCount: 0 })
        if (!subject.tellsCommand) return
        expect([inserted.command, read.command, returned.command]).toEqual(['INSERT', 'SELECT', 'UPDATE'])
        expect(read.fields).toMatchObject([{ name: 'id', dataTypeID: 23, columnID: 1, format: 'text' }])
      })
    })

    test('templates nest and never become text', async () => {
      const evil = `'); drop table note; --`
      const filter = sql`where text = ${evil} and id < ${10}`
      const rows = await begin(async (tx) => {
        await tx.sql`insert into ${sql.id('note')} values (${1}, ${evil})`
        return await tx.sql`select id, ${2}::int as two from note ${filter}`
      })
      expect(rows).toEqual([{ id: 1, two: 2 }])
      await expect(begin(async (tx) => await tx.sql`select ${undefined}`)).rejects.toMatchObject({
        code: 'HF_SQL_PARAMETER_UNDEFINED',
      })
    })

    // Each is read back as text, so that only the way in is judged.
    test.each<[string, string, unknown, unknown]>([
      ['null', `$1::int is null`, null, true],
      ['undefined as null', `$1::int is null`, undefined, true],
      ['text', `$1::text`, `it's "q" \\ é 🎟`, `it's "q" \\ é 🎟`],
      ['empty text', `$1::text`, '', ''],
      ['int', `($1::int + 1)::text`, 41, '42'],
      ['float', `$1::float8::text`, 1.5, '1.5'],
      ['numeric text', `$1::numeric::text`, '12345678901234567890.12', '12345678901234567890.12'],
      ['bigint', `$1::bigint::text`, 9_007_199_254_740_993n, '9007199254740993'],
      ['true', `$1::boolean::text`, true, 'true'],
      ['false', `$1::boolean::text`, false, 'false'],
      ['date', `($1::timestamptz at time zone 'UTC')::text`, new Date(1.7e12 + 5), '2023-11-14 22:13:20.005'],
      ['timestamp text', `$1::timestamp::text`, '2024-02-29 12:00:00', '2024-02-29 12:00:00'],
      ['object', `($1::jsonb -> 'a' ->> 'b')`, { a: { b: "x'y" } }, "x'y"],
      ['json text', `jsonb_typeof($1::jsonb)`, '{"a":1}', 'object'],
      ['json text of an array', `($1::jsonb ->> 1)`, JSON.stringify([1, 'two']), 'two'],
      ['int array', `array_to_string($1::int[], ',', 'null')`, [1, null, 3], '1,null,3'],
      ['text array', `$1::text[] = array['a,b', '"', '', 'null', '\\']`, ['a,b', '"', '', 'null', '\\'], true],
      ['nested array', `array_dims($1::int[])`, [[1, 2, 3], [4, 5, 6]], '[1:2][1:3]'], // prettier-ignore
      ['empty array', `cardinality($1::int[])::text`, [], '0'],
      ['array of dates', `(($1::timestamptz[])[1] at time zone 'UTC')::text`, [new Date(0)], '1970-01-01 00:00:00'],
      ['buffer', `encode($1::bytea, 'hex')`, Buffer.from([0, 255, 92, 39]), '00ff5c27'],
      ['bytes', `encode($1::bytea, 'hex')`, new Uint8Array([1, 2]).subarray(1), '02'],
      ['uuid', `$1::uuid::text`, '8b4c5c5e-7d7b-4f7b-9c5e-0123456789ab', '8b4c5c5e-7d7b-4f7b-9c5e-0123456789ab'],
    ])('takes a parameter: %s', async (_name, expression, value, expected) => {
      expect(await readOne(`select ${expression} as v`, value)).toEqual(expected)
    })

    test('columns decide the type of a parameter without a cast', async () => {
      const stored = await begin(async (tx) => {
        await tx.query('create temp table kinds (j jsonb, b bytea, f boolean, t timestamptz) on commit drop')
        const params = [JSON.stringify({ a: 1 }), Buffer.from([7]), true, new Date(0)]
        await tx.query('insert into kinds values ($1, $2, $3, $4)', params)
        return await tx.query(
          `select j ->> 'a' as j, encode(b, 'hex') as b, f, extract(epoch from t)::int as t from kinds`,
        )
      })
      expect(stored.rows).toEqual([{ j: '1', b: '07', f: true, t: 0 }])
    })

    test('what the server refuses has its SQLSTATE and no parameter in its message', async () => {
      const failing = begin(async (tx) => await tx.query(`select $1::text || 1/0`, ['a-secret']))
      const error = await failing.catch((error: unknown) => error)
      expect(readSqlstate(error)).toBe('22012')
      expect(String(error)).not.toContain('a-secret')
      const twice = begin(async (tx) => await tx.sql`insert into note values (1, 'a'), (1, 'b')`)
      await expect(twice).rejects.toMatchObject({ code: '23505', constraint: 'note_pkey', severity: 'ERROR' })
    })

    test('a savepoint that fails takes only its own part back', async () => {
      await begin(async (tx) => {
        await tx.sql`insert into note values (1, 'kept')`
        const failing = tx.savepoint(async (inner) => {
          await inner.sql`insert into note values (2, 'lost')`
          await inner.query('select 1/0')
        })
        await expect(failing).rejects.toMatchObject({ code: '22012' })
        const inner = await tx.savepoint(async (outer) => {
          await outer.sql`insert into note values (3, 'kept')`
          const thrown = outer.savepoint(async (inner) => {
            await inner.sql`insert into note values (4, 'lost')`
            throw new Error('changed my mind')
          })
          await expect(thrown).rejects.toThrow('changed my mind')
          return await outer.savepoint(async (inner) => (await inner.sql`insert into note values (5, 'kept')`).length)
        })
        expect(inner).toBe(0)
      })
      const kept = await db().sql<{ id: number }>`select id from note order by id`
      expect(kept.map(({ id }) => id)).toEqual([1, 3, 5])
    })

    test('statements asked for at once run in order', async () => {
      await begin(async (tx) => {
        const ids = [1, 2, 3, 4, 5]
        await Promise.all(ids.map(async (id) => await tx.sql`insert into note values (${id}, clock_timestamp()::text)`))
      })
      const rows = await db().sql<{ id: number }>`select id from note order by text`
      expect(rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    })

    test('a deadline ends the statement on the server, with a typed error', async () => {
      const started = performance.now()
      const late = begin(async (tx) => await tx.query('select pg_sleep(10)', [], { deadlineMs: 60 }))
      await expect(late).rejects.toMatchObject({ code: 'HF_QUERY_DEADLINE', details: { deadlineMs: 60 } })
      expect(performance.now() - started).toBeLessThan(5_000)
    })

    test('a deadline holds for one statement, and a savepoint survives it', async () => {
      await begin(async (tx) => {
        const late = tx.savepoint(async (inner) => await inner.query('select pg_sleep($1)', [10], { deadlineMs: 60 }))
        await expect(late).rejects.toMatchObject({ code: 'HF_QUERY_DEADLINE' })
        await tx.query('select $1::int', [1], { deadlineMs: 60 })
        await tx.query('select pg_sleep(0.15)')
        await tx.sql`insert into note values (1, 'after')`
      })
      expect(await countNotes()).toBe(1)
    })

    test('an abort gives a typed error with the reason', async () => {
      const reason = new Error('the client went away')
      const aborted = begin(async (tx) => await tx.query('select 1', [], { signal: AbortSignal.abort(reason) }))
      await expect(aborted).rejects.toMatchObject({ code: 'HF_QUERY_ABORTED', cause: reason })
      const controller = new AbortController()
      setTimeout(() => controller.abort(reason), 50)
      const started = performance.now()
      const text = `select pg_sleep(${subject.cancelsOnServer ? 10 : 0.3})`
      const running = begin(async (tx) => await tx.query(text, [], { signal: controller.signal }))
      await expect(running).rejects.toMatchObject({ code: 'HF_QUERY_ABORTED', cause: reason })
      expect(performance.now() - started).toBeLessThan(5_000)
    })

    test('an aborted statement leaves nothing behind, even when the body goes on', async () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 50)
      const text = `insert into note select 1, pg_sleep(${subject.cancelsOnServer ? 10 : 0.3})::text`
      await begin(async (tx) => {
        await tx.query(text, [], { signal: controller.signal }).catch(() => {})
      }).catch(() => {})
      expect(await countNotes()).toBe(0)
    })

    test('options are checked', async () => {
      const wrong = begin(async (tx) => await tx.query('select 1', [], { deadlineMS: 1 } as object))
      await expect(wrong).rejects.toMatchObject({ code: 'HF_OPTIONS_UNKNOWN' })
    })

    test('prepared by name or not, the answer is the same', async () => {
      for (const name of ['by-number', undefined, 'by-number']) {
        const rows = await begin(async (tx) => {
          const options = name === undefined ? {} : { name }
          return (await tx.query('select $1::int + 1 as n', [6], options)).rows
        })
        expect(rows).toEqual([{ n: 7 }])
      }
    })
  })
}
