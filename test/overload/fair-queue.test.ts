import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue, type Entry } from '../../src/overload/fair-queue.js'

interface Item {
  key: string
  n: number
}

/** The same with arrays: slow, and plainly right. */
class Model {
  lanes: { key: string; items: Item[] }[] = []

  push(item: Item): void {
    const lane = this.lanes.find(({ key }) => key === item.key)
    if (lane) lane.items.push(item)
    else this.lanes.push({ key: item.key, items: [item] })
  }

  shift(): Item | undefined {
    const lane = this.lanes.shift()
    if (lane === undefined) return undefined
    const item = lane.items.shift()
    if (lane.items.length > 0) this.lanes.push(lane)
    return item
  }

  remove(item: Item): void {
    for (const lane of this.lanes) lane.items = lane.items.filter((each) => each !== item)
    this.lanes = this.lanes.filter(({ items }) => items.length > 0)
  }

  lengthOf(key: string): number {
    return this.lanes.find((lane) => lane.key === key)?.items.length ?? 0
  }
}

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), key: fc.constantFrom('a', 'b', 'c', 'd') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('shift' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('displace' as const), key: fc.constantFrom('a', 'b', 'e') }) },
)

test('lanes take turns, first come first within each; nobody is lost, whatever happens', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const queue = new FairQueue<Item>()
      const model = new Model()
      const entries: Entry<Item>[] = []
      let n = 0
      for (const act of actions) {
        if (act.kind === 'push') {
          const item = { key: act.key, n: n++ }
          entries.push(queue.push(act.key, item))
          model.push(item)
        } else if (act.kind === 'shift') {
          expect(queue.shift()).toBe(model.shift())
        } else if (act.kind === 'remove' && entries.length > 0) {
          const entry = entries[act.at % entries.length] as Entry<Item>
          const isThere = model.lanes.some(({ items }) => items.includes(entry.item))
          expect(queue.remove(entry)).toBe(isThere)
          model.remove(entry.item)
        } else if (act.kind === 'displace') {
          const longest = Math.max(0, ...model.lanes.map(({ items }) => items.length))
          const victim = queue.displace(act.key)
          expect(victim !== undefined).toBe(longest > model.lengthOf(act.key) + 1)
          if (victim) {
            expect(model.lengthOf(victim.key)).toBe(longest)
            expect(model.lanes.find(({ key }) => key === victim.key)?.items.at(-1)).toBe(victim)
            model.remove(victim)
          }
        }
        expect(queue.size).toBe(model.lanes.reduce((sum, { items }) => sum + items.length, 0))
        expect([...queue.firsts()].map(({ item }) => item)).toEqual(model.lanes.map(({ items }) => items[0]))
      }
      while (queue.size > 0) expect(queue.shift()).toBe(model.shift())
      expect(model.lanes).toEqual([])
    }),
  )
})

test('in a bounded queue a client that floods ends with the place that the others leave', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 40 }), fc.integer({ min: 1, max: 3 }), (room, others) => {
      const queue = new FairQueue<string>()
      const come = (key: string) => {
        if (queue.size >= room && queue.displace(key) === undefined) return
        queue.push(key, key)
      }
      for (let n = 0; n < room * 3; n++) come('flood')
      const share = Math.floor(room / (others + 1))
      for (let n = 0; n < share; n++) for (let other = 0; other < others; other++) come(`other ${other}`)
      expect(queue.size).toBe(room)
      for (let other = 0; other < others; other++) expect(queue.lengthOf(`other ${other}`)).toBe(share)
    }),
  )
})
