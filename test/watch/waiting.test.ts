import { expect, test } from 'vitest'
import { Waiting } from '../../src/watch/plans/waiting.js'

const fill = (names: readonly string[]) => {
  const waiting = new Waiting<string>((name) => name.startsWith('new'))
  return { waiting, kept: names.map((name) => waiting.add(name)) }
}
const drain = (waiting: Waiting<string>): string[] => {
  const taken: string[] = []
  for (let task = waiting.take(); task !== undefined; task = waiting.take()) taken.push(task)
  return taken
}
const known = Array.from({ length: 20 }, (_, n) => `known ${n}`)

test('what is urgent comes first, in its order, then the others in theirs', () => {
  expect(drain(fill(['known 1', 'new 1', 'known 2', 'new 2']).waiting)).toEqual([
    'new 1',
    'new 2',
    'known 1',
    'known 2',
  ])
})

test('without room the oldest that is not urgent makes place, and nothing for what is not', () => {
  const { waiting, kept } = fill([...known, 'known 20', 'new 1'])
  expect(kept.slice(19)).toEqual([true, false, false])
  expect(drain(waiting)).toEqual(['new 1', ...known.slice(1)])
})

test('among urgent ones nobody makes place', () => {
  const names = known.map((name) => `new ${name}`)
  expect(drain(fill([...names, 'new one too many']).waiting)).toEqual(names)
})
