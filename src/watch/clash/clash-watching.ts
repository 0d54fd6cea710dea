import type { RequestContext } from '../../core/early.js'
import type { FindingSink } from '../findings.js'
import type { SeenStatement } from '../observe-query.js'
import type { Statement } from '../parser.js'
import type { StatementObserver } from '../statement-observer.js'
import type { WatchStorage } from '../storage.js'
import { ClashObserver, type ClashObserverOptions, type ClashStats } from './clash-observer.js'
import type { Clash } from './describe.js'
import { writeClashes } from './store.js'
import { toFinding } from './to-finding.js'

/** Follows requests, and brings what can collide to the findings and to the page. */
export class ClashWatching implements StatementObserver {
  readonly #observer: ClashObserver
  readonly #report: FindingSink
  /** As they were told last. */
  readonly #told = new Map<string, Clash>()
  #unwritten: Clash[] = []
  #judged = 0

  constructor({ report, ...options }: ClashObserverOptions & { report: FindingSink }) {
    this.#report = report
    this.#observer = new ClashObserver(options)
  }

  observe(seen: SeenStatement, statement: Statement): void {
    this.#observer.observe(seen, statement)
  }

  endRequest(request: RequestContext): void {
    this.#observer.endRequest(request)
  }

  /** Looks at every pair, where requests have been followed since the last time. */
  judge(): void {
    const { followed } = this.#observer.stats()
    if (followed === this.#judged) return
    this.#judged = followed
    for (const clash of this.#observer.findClashes()) {
      const told = this.#told.get(clash.id)
      if (told !== undefined && told.overlaps === clash.overlaps && told.protectedBy === clash.protectedBy) continue
      this.#told.set(clash.id, clash)
      this.#unwritten.push(clash)
      if (clash.protectedBy === null) this.#report(toFinding(clash))
    }
  }

  async flush(storage: WatchStorage): Promise<void> {
    const clashes = this.#unwritten
    if (clashes.length === 0) return
    this.#unwritten = []
    await writeClashes(storage, clashes).catch((error: unknown) => {
      this.#unwritten = [...clashes, ...this.#unwritten].slice(-500)
      throw error
    })
  }

  stats(): ClashStats {
    return this.#observer.stats()
  }

  async close(): Promise<void> {
    await this.#observer.close()
  }
}
