import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { loadParser, type Parser } from '../../src/watch/parser.js'

let parser: Parser
beforeAll(async () => {
  parser = await loadParser()
})

test('a fingerprint is of what a statement does, not of its literals, spaces or comments', () => {
  const same = [
    'select * from orders where id = 1 and status in (1, 2)',
    'SELECT *\nFROM orders WHERE id = $1 AND status IN ($2,$3,$4) -- one',
    '/* two */ select * from orders where id = 99 and status in (7)',
  ]
  expect(new Set(same.map((text) => parser.fingerprint(text))).size).toBe(1)
  expect(parser.fingerprint('select * from orders where id = 1')).not.toBe(parser.fingerprint(same[0] as string))
})

test('ids are bigints; three are taken', () => {
  const most = 2n ** 63n
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const id = BigInt(parser.fingerprint(text))
      expect(id >= -most && id < most && ![0n, 1n, 2n].includes(id)).toBe(true)
    }),
  )
})

test('a literal never survives, wherever it stands', () => {
  const word = fc.stringMatching(/^zq[a-z]{6}$/)
  const literal = word.chain((text) =>
    fc.constantFrom(`'${text}'`, `E'\\n${text}'`, `$$${text}$$`, `$t$${text}$t$`, `U&'${text}'`, `B'1' || '${text}'`),
  )
  const frame = fc.constantFrom(
    (value: string) => `select * from t where a = ${value}`,
    (value: string) => `insert into t values (${value}, 1), (${value}, 2)`,
    (value: string) => `update t set a = ${value} where b like ${value}`,
    (value: string) => `with c as (select ${value} as x) select * from c order by ${value}`,
    (value: string) => `select /* ${value.replaceAll('*/', '')} */ 1 -- ${value}`,
  )
  fc.assert(
    fc.property(frame, literal, (write, value) => {
      expect(parser.normalise(write(value))).not.toMatch(/zq[a-z]{6}/)
    }),
  )
})

test('a text that is no SQL is not shown, and a long one is cut', () => {
  expect(parser.normalise(`what is 'this'`)).toBe('(a statement that PostgreSQL’s parser does not know)')
  const long = `select ${Array.from({ length: 3_000 }, (_, n) => `column_${n}`).join(', ')} from t`
  expect(parser.normalise(long).length).toBe(4_002)
  expect(parser.normalise('select "a--b", "/*c*/" from t -- d')).toBe('select "a--b", "/*c*/" from t')
})
