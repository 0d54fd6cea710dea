import type { Db, RequestContext } from '../../core/index.js'
import type { Finding } from '../findings.js'
import { observePool } from '../observe-pool.js'
import { loadParser } from '../parser.js'
import { StatementBook } from '../statement-book.js'
import { describeRepeat, findRepeats, type RepeatSighting } from './repeats.js'
import { createShapeObserver } from './shape-observer.js'

/** A watch of nothing but the shape of results, which keeps what it finds in memory: for tests and experiments. */
export interface ShapeWatch {
  /** What has been found so far, each once, as it was seen last. */
  findings(): readonly Finding[]
  /** What was to be looked up has been. */
  settle(): Promise<void>
  stop(): Promise<void>
}

/**
 * Looks at all results of a database's pool, and at what each request repeats. Beside `watch`, not instead of it: it stores
 * nothing. In a test: `expect(shapes.findings()).toEqual([])`.
 */
export async function watchShapes(db: Db): Promise<ShapeWatch> {
  const book = new StatementBook(await loadParser())
  const found = new Map<string, Finding>()
  const report = (finding: Finding) => {
    found.set(JSON.stringify([finding.kind, finding.statement, finding.subject]), finding)
  }
  const observer = createShapeObserver({ report, db })
  const pending = new WeakMap<RequestContext, RepeatSighting[]>()
  const leave = [
    observePool(db.pool, (seen) => {
      const statement = book.find(seen.text)
      observer.observe(seen, statement)
      if (seen.request === undefined) return
      const sightings = pending.get(seen.request)
      const sighting = { statement, ms: seen.ms, endedAt: performance.now() }
      if (sightings) sightings.push(sighting)
      else pending.set(seen.request, [sighting])
    }).leave,
    db.onRequest((request, ms) => {
      for (const repeat of findRepeats(pending.get(request) ?? [], ms))
        report(describeRepeat(repeat, request.route, ms))
    }),
  ]
  return {
    findings: () => [...found.values()],
    settle: async () => await observer.settle(),
    stop: async () => {
      for (const each of leave) each()
      await observer.close()
    },
  }
}
