import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compare, isClear } from '../../src/watch/plans/regression.js'
import { toShape, withoutValues, type RawPlan } from '../../src/watch/plans/shape.js'

type Node = RawPlan['Plan']
const seq = (name: string, more: Partial<Node> = {}): Node => ({
  'Node Type': 'Seq Scan',
  'Relation Name': name,
  Schema: 'public',
  ...more,
})
const index = (name: string, by: string, more: Partial<Node> = {}): Node => ({
  'Node Type': 'Index Scan',
  'Relation Name': name,
  Schema: 'public',
  'Index Name': by,
  'Index Cond': '(a = 1)',
  ...more,
})
const bitmap = (name: string, by: string): Node => ({
  'Node Type': 'Bitmap Heap Scan',
  'Relation Name': name,
  Schema: 'public',
  'Recheck Cond': '(a = 1)',
  Plans: [{ 'Node Type': 'Bitmap Index Scan', 'Index Name': by }],
})
const over = (kind: string, ...Plans: Node[]): Node => ({ 'Node Type': kind, Plans })
const shapeOf = (plan: Node) => toShape({ Plan: plan })
const idOf = (plan: Node) => shapeOf(plan).id

describe('is the same', () => {
  test.each([
    ['in parallel or not', over('Gather', over('Limit', seq('t'))), seq('t')],
    ['sorted by workers', over('Limit', over('Gather Merge', over('Sort', seq('t')))), over('Sort', seq('t'))],
    [
      'aggregated in parts',
      over('Aggregate', over('Gather', over('Aggregate', seq('t')))),
      over('Aggregate', seq('t')),
    ],
    ['by a bitmap of the same index', bitmap('t', 't_a'), index('t', 't_a')],
    ['by that index alone', { ...index('t', 't_a'), 'Node Type': 'Index Only Scan' }, index('t', 't_a')],
    [
      'remembered or not',
      over('Nested Loop', seq('a'), over('Memoize', index('t', 'i'))),
      over('Nested Loop', seq('a'), index('t', 'i')),
    ],
    [
      'with one partition more',
      over('Append', index('e_1', 'e_1_a'), index('e_2', 'e_2_a')),
      over('Append', index('e_1', 'e_1_a'), index('e_2', 'e_2_a'), index('e_3', 'e_3_a')),
    ],
    [
      'for other values and rows',
      index('t', 'i', { 'Plan Rows': 7, Filter: '(b = 7)' }),
      index('t', 'i', { 'Plan Rows': 1e6, Filter: '(b = 8)' }),
    ],
  ])('%s', (_, one, other) => expect(idOf(one)).toBe(idOf(other)))
})

describe('is another', () => {
  test.each([
    ['read whole', seq('t'), index('t', 'i')],
    ['by another index', index('t', 'i'), index('t', 'j')],
    ['along an index from its beginning', index('t', 'i'), { ...index('t', 'i'), 'Index Cond': undefined }],
    ['joined otherwise', over('Hash Join', seq('a'), seq('b')), over('Nested Loop', seq('a'), seq('b'))],
    ['of another schema', seq('t'), seq('t', { Schema: 'other' })],
    [
      'one partition read whole',
      over('Append', index('e_1', 'i_1'), index('e_2', 'i_2')),
      over('Append', index('e_1', 'i_1'), seq('e_2')),
    ],
  ])('%s', (_, one, other) => expect(idOf(one)).not.toBe(idOf(other)))
})

test('an index that is lost is named, and so is a larger scan', () => {
  const lost = compare(shapeOf(index('t', 'i')), shapeOf(seq('t')))
  expect(lost.lost).toEqual([{ relation: 'public.t', index: 'i', now: 'seq' }])
  expect(isClear(lost)).toBe(true)
  const same = compare(shapeOf(seq('t', { 'Total Cost': 10 })), shapeOf(seq('t', { 'Total Cost': 20 })))
  expect([same.lost, isClear(same)]).toEqual([[], false])
  expect(isClear(compare(shapeOf(seq('t', { 'Total Cost': 10 })), shapeOf(seq('t', { 'Total Cost': 41 }))))).toBe(true)
  expect(compare(shapeOf(seq('t')), shapeOf(index('t', 'i'))).lost).toEqual([])
})

test('a column that is cast is told, a value that is cast is not', () => {
  const { casts } = shapeOf(seq('t', { Filter: `(((id)::numeric = '5'::numeric) AND (name = 'x'::text))` }))
  expect(casts).toEqual(['public.t.id::numeric'])
})

test('no value is in a plan', () => {
  const text = fc.stringMatching(/^[^']{0,20}$/)
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 10_000 }),
      fc.double({ min: 1e4, noNaN: true, max: 1e9 }),
      (word, whole, part) => {
        const secret = `Q${word}Q`
        const filter = `((a = '${secret}'::text) AND (b >= ${whole}) AND (c < '${part}'::numeric) AND (d = ANY ('{${whole},${whole}}'::int[])))`
        const shown = JSON.stringify(shapeOf(index('t', 'i', { 'Index Cond': filter, Filter: filter })).tree)
        for (const value of [secret, String(whole), String(part)])
          expect(shown).not.toContain(JSON.stringify(value).slice(1, -1))
      },
    ),
  )
  expect(withoutValues(`(t_1.a2 = 'it''s'::text) AND (x1 > -4.5e3) AND ("B 2" = 3)`)).toBe(
    '(t_1.a2 = ?::text) AND (x1 > ?) AND ("B 2" = ?)',
  )
})
