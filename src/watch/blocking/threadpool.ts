import { stat } from 'node:fs'
import { runOutside } from '../../core/early.js'
import type { Finding } from '../findings.js'
import { formatMs } from '../words.js'
import { countOld, countPoolCalls, describePoolCalls } from './threadpool-calls.js'

const LOOK_MS = 250
/** An idle pool answers within 0.1 ms (measured); the loop's own lateness is taken off. */
const SLOW_MS = 50
const ACT_MS = 250
/** Nobody known fills them, or reads of files, whose age is not known: so many slow ones in a row, as one alone may be the machine's. */
const IN_A_ROW = 4

/**
 * A canary: a call that takes microseconds on a thread of libuv, sent again and again while requests are under way. Where
 * it waits for long while the event loop is fine, the threads are taken, and whoever reads a file or looks up a name waits.
 */
export class Threadpool {
  readonly #report: (finding: Finding) => void
  readonly #leave = countPoolCalls()
  #askedAt = 0
  #lateMs = 0
  #isAsking = false
  #lastMs = 0
  #slowInARow = 0

  constructor(report: (finding: Finding) => void) {
    this.#report = report
  }

  /** What the last canary waited. @unit ms */
  get waitMs(): number {
    return this.#isAsking ? Math.max(this.#lastMs, performance.now() - this.#askedAt - this.#lateMs) : this.#lastMs
  }

  /** The event loop has turned, so much later than it was to. */
  turn(now: number, lateMs: number): void {
    this.#lateMs += lateMs
    if (this.#isAsking || now - this.#askedAt < LOOK_MS) return
    this.#askedAt = now
    this.#lateMs = 0
    this.#isAsking = true
    runOutside(() => stat('.', () => this.#note()))
  }

  #note(): void {
    this.#isAsking = false
    this.#lastMs = Math.max(0, performance.now() - this.#askedAt - this.#lateMs)
    this.#slowInARow = this.#lastMs >= SLOW_MS ? this.#slowInARow + 1 : 0
    if (this.#slowInARow === 0) return
    // Asked now: whoever waited behind it is still there, and of those in front all but one.
    const calls = describePoolCalls()
    if (1 + countOld(SLOW_MS / 2) >= readThreads() || this.#slowInARow >= IN_A_ROW)
      this.#report(describeThreadpool(this.#lastMs, calls))
  }

  close(): void {
    this.#leave()
  }
}

const readThreads = (): number => Number(process.env['UV_THREADPOOL_SIZE'] ?? '') || 4

export function describeThreadpool(
  waitMs: number,
  calls: readonly { name: string; route: string; count: number }[],
): Finding {
  const threads = readThreads()
  const [most] = calls
  const told = calls
    .slice(0, 3)
    .map(({ name, route, count }) => `${count} × ${name}${route === '' ? '' : ` of ${route}`}`)
  const who =
    told.length > 0
      ? `Under way: ${told.join(', ')}.`
      : 'What it does is not known: a native addon, such as bcrypt, perhaps.'
  return {
    kind: 'starved-threadpool',
    severity: waitMs >= ACT_MS ? 'act' : 'watch',
    subject: most?.name ?? '',
    statement: '0',
    route: most?.route ?? '',
    sentence: `A file’s stat waited ${formatMs(waitMs)} for one of libuv’s ${threads} threads, while the event loop turned. ${who}`,
    evidence: { wait_ms: Math.round(waitMs), threads, calls: calls.slice(0, 10) },
    fix: `Run ${most?.name ?? 'it'} inside \`createLimiter\` of holdfast/overload, so that a thread stays free, or set UV_THREADPOOL_SIZE before the process starts.`,
    prove: 'holdfast prove threadpool',
  }
}
