import { createRequest, runInRequest } from '../../core/early.js'
import type { Queryable } from '../../core/index.js'
import { loadParser } from '../parser.js'
import { StatementBook } from '../statement-book.js'
import { ClashObserver } from './clash-observer.js'
import type { Clash } from './describe.js'
import { observeDriver, type Driver } from './observe-driver.js'

/** A watch of nothing but what can collide, which follows every request and keeps what it finds in memory: for tests. */
export interface ClashWatch {
  /** One request. What it brings tells a value that was computed from one that was given. */
  run<T>(route: string, input: unknown, body: () => Promise<T>): Promise<T>
  /** The clashes, those that really met first. */
  clashes(): readonly Clash[]
  /** Those, and the pairs that something keeps apart. */
  pairs(): readonly Clash[]
  stop(): Promise<void>
}

/**
 * Follows what requests read and write, and tells which of them can collide.
 *
 * @param db where keys and indexes of the tables are looked up
 * @param drivers the module `pg`, or an `sql` of postgres.js: the copy that the application uses
 */
export async function observeClashes(db: Pick<Queryable, 'query'>, ...drivers: Driver[]): Promise<ClashWatch> {
  const parser = await loadParser()
  const book = new StatementBook(parser)
  const observer = new ClashObserver({ db, parser, stretchMs: 0 })
  await observer.settle()
  const leaves = drivers.map((driver) => observeDriver(driver, (seen) => observer.observe(seen, book.find(seen.text))))
  return {
    async run(route, input, body) {
      const end = (context: ReturnType<typeof createRequest>) => observer.endRequest(context)
      return await runInRequest(
        { route },
        async (context) => {
          context.readInput = () => input
          const answer = await body()
          const { status } = (answer ?? {}) as { status?: unknown }
          if (typeof status === 'number') context.status = status
          return answer
        },
        end,
      )
    },
    clashes: () => observer.findClashes().filter(({ protectedBy }) => protectedBy === null),
    pairs: () => observer.findClashes(),
    stop: async () => {
      for (const leave of leaves) leave()
      await observer.close()
    },
  }
}
