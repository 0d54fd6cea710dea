import type { Logger } from '../core/index.js'
import type { Finding } from './findings.js'
import type { WatchStorage } from './storage.js'
import { writeFindings } from './store.js'

const MOST = 500
/** A finding that goes on is told again after so long. */
const LOG_EVERY_MS = 3_600_000

interface Entry {
  finding: Finding
  /** Not written yet. */
  seen: number
  loggedAt: number
}

/** What was found: each once in the log, and in the database with how often it was seen. */
export class FindingBook {
  readonly #entries = new Map<string, Entry>()
  readonly #logger: Logger
  readonly #tell: ((finding: Finding) => void) | undefined
  overflows = 0

  constructor(logger: Logger, tell?: (finding: Finding) => void) {
    this.#logger = logger
    this.#tell = tell
  }

  report(finding: Finding): void {
    const key = JSON.stringify([finding.kind, finding.statement, finding.subject])
    const entry = this.#entries.get(key) ?? { finding, seen: 0, loggedAt: -Infinity }
    if (!this.#entries.has(key) && this.#entries.size >= MOST) {
      this.overflows++
      return
    }
    this.#entries.set(key, entry)
    entry.finding = finding
    entry.seen++
    this.#log(entry)
  }

  #log(entry: Entry): void {
    const { kind, severity, statement, route, sentence, fix, prove } = entry.finding
    if (performance.now() - entry.loggedAt < LOG_EVERY_MS) return
    entry.loggedAt = performance.now()
    this.#pass(entry.finding)
    if (severity === 'info') return
    this.#logger.warn({ finding: kind, severity, statement, route, fix, prove }, sentence)
  }

  /** Whoever is told breaks nothing by throwing. */
  #pass(finding: Finding): void {
    try {
      this.#tell?.(finding)
    } catch (err) {
      this.#logger.error({ err }, '`onFinding` threw.')
    }
  }

  async flush(db: WatchStorage): Promise<void> {
    const dirty = [...this.#entries.values()].filter(({ seen }) => seen > 0)
    if (dirty.length === 0) return
    const amounts = dirty.map(({ seen }) => seen)
    await writeFindings(
      db,
      dirty.map(({ finding, seen }) => ({ ...finding, seen })),
    )
    for (const [n, entry] of dirty.entries()) entry.seen -= amounts[n] as number
  }
}
