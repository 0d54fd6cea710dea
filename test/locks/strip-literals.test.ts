import { expect, test } from 'vitest'
import { stripLiterals } from '../../src/locks/strip-literals.js'

test.each([
  [`select * from t where a = 'ada' and b = 4711`, 'select * from t where a = ? and b = ?'],
  [`select 'it''s', E'a\\'b', N'x', B'01', X'1F', U&'\\0061'`, 'select ?, ?, ?, ?, ?, ?'],
  ['select 1.5e3, .5, 0x1F, 1_000, -7, $1, a1, t.b2', 'select ?, .?, ?, ?, -?, $1, a1, t.b2'],
  ['do $$ begin secret; end $$', 'do ?'],
  [`select $a$ x $b$ 'y' $a$, $1`, 'select ?, $1'],
  ['select a$b$c, secret$d$e', 'select a$b$c, secret$d$e'],
  ['select 1 -- for ada\n from t /* by /* ada */ too */ where x', 'select ? from t where x'],
  [
    '/* holdfast:locks.guard */ select holdfast.locks_guard($1, 7)',
    '/* holdfast:locks.guard */ select holdfast.locks_guard($1, ?)',
  ],
  [`/* holdfast:ada's */ select 1`, 'select ?'],
  [`select "Order", "ada@example.com" from "public"."User"`, 'select "Order", "?" from "public"."User"'],
  [
    `set app.user = ada; set local role_x to bob; update t set a = b`,
    'set app.user = ?; set local role_x to ?; update t set a = b',
  ],
  [`select date'2024-01-01', interval '1 day'`, 'select date?, interval ?'],
])('%s', (text, shown) => expect(stripLiterals(text)).toBe(shown))

test.each([
  [`select 'cut in the mid`, 'select ?'],
  [`select E'cut\\`, 'select ?'],
  ['select $x$ cut in the', 'select ?'],
  ['select /* cut in', 'select'],
  ['select "cut in the', 'select "?"'],
  // Whether the string ends there depends on a setting of that session.
  [`select 'a\\', 'secret'`, 'select ?'],
  [`select 'a\\'' or x = 'secret' or y`, 'select ?'],
])('what is cut or doubtful is not shown from there on: %s', (text, shown) => expect(stripLiterals(text)).toBe(shown))

test('no more than 120 characters', () => {
  const shown = stripLiterals(`select ${'column_of_a_table, '.repeat(30)} 'secret'`)
  expect(Array.from(shown)).toHaveLength(120)
  expect(shown.endsWith('…')).toBe(true)
})

test('a long hostile text takes no time', () => {
  const startedAt = performance.now()
  for (const part of [`'`, `''`, `\\`, `E'\\''`, '$a$', '/*', '"', 'a', '1']) stripLiterals(part.repeat(4_000))
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})
