import { beforeAll, describe, expect, test } from 'vitest'
import { loadParser, type Parser } from '../../src/watch/parser.js'
import { classify, toReading } from '../../src/watch/plans/explainable.js'

let parser: Parser
beforeAll(async () => {
  parser = await loadParser()
})

const kindOf = (text: string) => {
  const found = classify(parser, text)
  return found.kind === 'settings' ? found.parts.map(({ what }) => what) : found.kind
}

describe('what a text is', () => {
  test.each([
    ['select 1', 'read'],
    ['with a as (select 1) select * from a', 'read'],
    ['select * from a for update', 'read'],
    ['values (1)', 'read'],
    ['select * into b from a', 'other'],
    ['with gone as (delete from a returning *) select * from gone', 'other'],
    ['insert into a values (1)', 'other'],
    ['update a set b = 1 where c = $1', 'write'],
    ['delete from a where c = $1', 'write'],
    ['create table a ()', 'other'],
    ['select 1; select 2', 'other'],
    ['/* holdfast:watch.read */ select 1', 'other'],
    ['explain select 1', 'other'],
    ['no sql at all', 'other'],
    ['', 'other'],
    ['begin', ['begin']],
    ['start transaction isolation level serializable', ['begin']],
    ['commit', ['end']],
    ['rollback', ['end']],
    ['rollback to savepoint a', 'other'],
    ['set search_path = tenant_7', ['set']],
    ['set local role reader', ['set-local']],
    ['reset role', ['set']],
    ['discard all', ['forget']],
    [`select set_config('app.tenant', $1, true)`, ['set-local']],
    [`select set_config('app.tenant', $1, false)`, ['set']],
    [`begin; set local app.tenant = '7'`, ['begin', 'set-local']],
  ])('%s', (text, kind) => expect(kindOf(text)).toEqual(kind))
})

describe('a text that is read instead, without its locks', () => {
  test.each([
    ['select * from a where b = $1', 'select * from a where b = $1'],
    ['select * from a where b = $1 for update', 'select * from a where b = $1 '],
    ['select * from a where b = $1 limit 1 for no key update skip locked', 'select * from a where b = $1 limit 1 '],
    ['select * from a where b = (select 1) for share of a nowait', 'select * from a where b = (select 1) '],
    ['update a set c = $1 where b = $2 returning *', 'select $1::text from  a  where  b = $2 '],
    ['update only a as x set c = 1 where x.b = $1;', 'select 1 from  only a as x  where  x.b = $1'],
    [
      'delete from a where b = $1 and c in (select d from e where f = $2)',
      'select 1 from  a  where  b = $1 and c in (select d from e where f = $2)',
    ],
  ])('%s', (text, reading) => {
    expect(toReading(parser, text)).toBe(reading)
    expect(classify(parser, reading).kind).toBe('read')
  })

  test.each([
    'update a set c = 1',
    'update a set c = 1 from b where a.id = b.id',
    'delete from a using b where a.id = b.id',
    'with x as (select 1) delete from a where b = 1',
    'select * from (select * from a for update) x',
    'insert into a values (1)',
  ])('not had: %s', (text) => expect(toReading(parser, text)).toBeUndefined())
})
