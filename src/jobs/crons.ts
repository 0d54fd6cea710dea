import type { Db } from '../core/index.js'
import { CronSchedule } from './cron-schedule.js'
import { jobsError } from './errors.js'
import { hasDueCron, moveCron, registerCron, sendPlain, takeDueCrons } from './store.js'
import type { Cron } from './types.js'

/** A firing this late counts as missed: all instances were down, or nobody worked. */
const MISSED_MS = 60_000
const NORMAL_LANE = 1

/** What is sent on a schedule by whichever instance comes first; the row moves on in the same transaction. */
export class Crons {
  readonly #db: Db
  readonly #schedules = new Map<string, CronSchedule>()
  readonly #onSent: (lane: number) => void

  constructor(db: Db, onSent: (lane: number) => void) {
    this.#db = db
    this.#onSent = onSent
  }

  /** @throws HF_JOBS_CRON */
  async register(cron: Cron, queue: number, body: string): Promise<void> {
    const { name, schedule: text, timeZone = 'UTC', missed = 'once' } = cron
    if (this.#schedules.has(name)) throw jobsError('HF_JOBS_CRON', `Two crons are named ${name}.`)
    const schedule = new CronSchedule(text, timeZone)
    this.#schedules.set(name, schedule)
    const next_at = schedule.findNext(new Date())
    await registerCron(this.#db, { name, queue, schedule: text, time_zone: timeZone, missed, body, next_at })
  }

  /** Sends what is due; gives how many jobs. Only crons that this process knows: another release may have other ones. */
  async fireDue(): Promise<number> {
    const names = [...this.#schedules.keys()]
    if (names.length === 0 || !(await hasDueCron(this.#db, names))) return 0
    return await this.#db.tx(async (tx) => {
      let fired = 0
      for (const { name, queue, body, missed, next_at: dueAt, now } of await takeDueCrons(tx, names)) {
        const schedule = this.#schedules.get(name) as CronSchedule
        const fires = missed === 'once' || now.getTime() - dueAt.getTime() < MISSED_MS
        if (fires) {
          await sendPlain(tx, queue * 4 + NORMAL_LANE, body)
          tx.afterCommit(() => this.#onSent(queue * 4 + NORMAL_LANE))
          fired++
        }
        // From the schedule, never from the moment of sending: no drift. Whatever else was missed until now is one firing.
        await moveCron(tx, name, schedule.findNext(now), fires)
      }
      return fired
    })
  }
}
