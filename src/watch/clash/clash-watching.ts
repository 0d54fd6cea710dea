import type { RequestContext } from '../../core/early.js'
import type { FindingSink } from '../findings.js'
import type { SeenStatement } from '../observe-query.js'
import type { Statement } from '../parser.js'
import type { StatementObserver } from '../statement-observer.js'
import type { WatchStorage } from '../storage.js'
import { ClashObserver, type ClashObserverOptions, type ClashStats } from './clash-observer.js'
import type { Clash } from './describe.js'
import { takeBackClashes, writeClashes } from './store.js'
import { toFinding } from './to-finding.js'

/** Follows requests, and brings what can collide to the findings and to the page. */
export class ClashWatching implements StatementObserver {
  readonly #observer: ClashObserver
  readonly #report: FindingSink
  /** As they were told last. */
  readonly #told = new Map<string, Clash>()
  #unwritten: Clash[] = []
  #disproved = new Set<string>()
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
    const clashes = new Map(this.#observer.findClashes().map((clash) => [clash.id, clash]))
    this.#takeBack(clashes)
    for (const clash of clashes.values()) {
      const told = this.#told.get(clash.id)
      if (told !== undefined && isSame(told, clash)) continue
      this.#told.set(clash.id, clash)
      this.#unwritten.push(clash)
      if (clash.protectedBy === null) this.#report(toFinding(clash))
    }
  }

  /** Later requests have shown that it was chance, or what protects it, or a pair that says it better. */
  #takeBack(clashes: ReadonlyMap<string, Clash>): void {
    for (const [id, { protectedBy }] of this.#told) {
      const now = clashes.get(id)
      if (now === undefined) this.#told.delete(id)
      if (protectedBy === null && now?.protectedBy !== null) this.#disproved.add(id)
    }
  }

  async flush(storage: WatchStorage): Promise<void> {
    const [clashes, disproved] = [this.#unwritten, this.#disproved]
    this.#unwritten = []
    this.#disproved = new Set()
    try {
      if (disproved.size > 0) await takeBackClashes(storage, [...disproved])
      if (clashes.length > 0) await writeClashes(storage, clashes)
    } catch (error) {
      this.#unwritten = [...clashes, ...this.#unwritten].slice(-500)
      this.#disproved = new Set([...disproved, ...this.#disproved])
      throw error
    }
  }

  stats(): ClashStats {
    return this.#observer.stats()
  }

  async close(): Promise<void> {
    await this.#observer.close()
  }
}

const isSame = (told: Clash, clash: Clash): boolean =>
  told.overlaps === clash.overlaps &&
  told.protectedBy === clash.protectedBy &&
  told.kind === clash.kind &&
  sitesOf(told) === sitesOf(clash)

/** A line may be learned later. */
const sitesOf = ({ read, write, other }: Clash): string => [read, write, other].map(({ site }) => site).join(' ')
