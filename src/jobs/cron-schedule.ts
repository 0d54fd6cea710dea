import { jobsError } from './errors.js'

const MINUTE_MS = 60_000
/** Offsets of time zones change by multiples of a quarter of an hour, and at one. */
const QUARTER = 15
/** The 29th of February may be eight years away. */
const MOST_YEARS = 9

const names: Record<string, readonly string[]> = {
  month: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  weekday: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
}
const nicknames: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@hourly': '0 * * * *',
}
const fields = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12 },
  { name: 'weekday', least: 0, most: 7 },
] as const

interface LocalTime {
  minute: number
  hour: number
  day: number
  month: number
  weekday: number
}

/**
 * A schedule of five fields (minute, hour, day of month, month, day of week) in a time zone. Days match as in cron: when
 * both day fields are restricted, either suffices.
 *
 * Around a change of the clock: a time that is skipped fires at the first moment after the gap, one that comes twice
 * fires the first time; schedules of every hour keep to elapsed time.
 */
export class CronSchedule {
  readonly #sets: Record<(typeof fields)[number]['name'], ReadonlySet<number>>
  readonly #isEveryHour: boolean
  readonly #isEitherDay: boolean
  readonly #format: Intl.DateTimeFormat

  /** @throws HF_JOBS_CRON */
  constructor(text: string, timeZone = 'UTC') {
    const parts = (nicknames[text.trim()] ?? text).trim().split(/\s+/)
    if (parts.length !== fields.length) throw describe(text, `it has ${parts.length} fields instead of 5`)
    const sets = fields.map((field, index) => parseField(text, parts[index] as string, field))
    const [minute, hour, day, month, weekday] = sets as [
      Set<number>,
      Set<number>,
      Set<number>,
      Set<number>,
      Set<number>,
    ]
    if (weekday.has(7)) weekday.add(0)
    this.#sets = { minute, hour, day, month, weekday }
    this.#isEveryHour = (parts[1] as string).startsWith('*')
    this.#isEitherDay = !(parts[2] as string).startsWith('*') && !(parts[4] as string).startsWith('*')
    this.#format = makeFormat(timeZone)
  }

  /** The first firing after a moment. @throws HF_JOBS_CRON when there is none within nine years */
  findNext(after: Date): Date {
    let at = Math.floor(after.getTime() / MINUTE_MS) * MINUTE_MS + MINUTE_MS
    const endsAt = at + MOST_YEARS * 366 * 86_400_000
    let before = this.#read(at - MINUTE_MS)
    let stepped = 1
    while (at < endsAt) {
      const local = this.#read(at)
      if (this.#skippedOne(before, local, stepped)) return new Date(at)
      if (this.#matches(local) && !this.#isRepeated(at, local)) return new Date(at)
      stepped = this.#step(local)
      before = local
      at += stepped * MINUTE_MS
    }
    throw describe('', 'it matches no day of the next nine years')
  }

  /** Minutes that can be passed over; never past a moment at which the clock may change. */
  #step(local: LocalTime): number {
    const toQuarter = QUARTER - (local.minute % QUARTER)
    const toMidnight = 24 * 60 - (local.hour * 60 + local.minute)
    if (!this.#matchesDay(local)) {
      // A day on which the clock changes is up to two hours shorter or longer.
      const quarters = Math.floor((toMidnight - toQuarter - 120) / QUARTER)
      return toQuarter + Math.max(0, quarters) * QUARTER
    }
    return this.#sets.hour.has(local.hour) ? 1 : toQuarter
  }

  #matchesDay({ day, month, weekday }: LocalTime): boolean {
    if (!this.#sets.month.has(month)) return false
    const [byDay, byWeekday] = [this.#sets.day.has(day), this.#sets.weekday.has(weekday)]
    return this.#isEitherDay ? byDay || byWeekday : byDay && byWeekday
  }

  #matches(local: LocalTime): boolean {
    return this.#sets.minute.has(local.minute) && this.#sets.hour.has(local.hour) && this.#matchesDay(local)
  }

  /** Did the clock jump over a time of this schedule? */
  #skippedOne(before: LocalTime, now: LocalTime, elapsed: number): boolean {
    if (this.#isEveryHour || before.day !== now.day) return false
    const [from, to] = [before.hour * 60 + before.minute + elapsed, now.hour * 60 + now.minute]
    for (let minute = from; minute < to; minute++) {
      if (this.#matches({ ...now, hour: Math.floor(minute / 60), minute: minute % 60 })) return true
    }
    return false
  }

  #isRepeated(at: number, { hour, minute }: LocalTime): boolean {
    if (this.#isEveryHour) return false
    return [30, 60].some((ago) => {
      const earlier = this.#read(at - ago * MINUTE_MS)
      return earlier.hour === hour && earlier.minute === minute
    })
  }

  #read(at: number): LocalTime {
    const parts = Object.fromEntries(this.#format.formatToParts(at).map(({ type, value }) => [type, value]))
    return {
      minute: Number(parts['minute']),
      hour: Number(parts['hour']),
      day: Number(parts['day']),
      month: Number(parts['month']),
      weekday: (names['weekday'] as readonly string[]).indexOf((parts['weekday'] as string).toLowerCase()),
    }
  }
}

function makeFormat(timeZone: string): Intl.DateTimeFormat {
  const shape = { weekday: 'short', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
  try {
    return new Intl.DateTimeFormat('en-US', { ...shape, hourCycle: 'h23', timeZone })
  } catch (cause) {
    throw jobsError('HF_JOBS_CRON', `There is no time zone named ${timeZone}.`, { cause })
  }
}

function parseField(text: string, part: string, field: (typeof fields)[number]): Set<number> {
  const set = new Set<number>()
  for (const item of part.split(',')) {
    const [, range = '', step = '1'] = /^([^/]+)(?:\/(\d+))?$/.exec(item) ?? []
    const [first, last] = parseRange(range, field, item.includes('/'))
    const isValid = first >= field.least && last <= field.most && first <= last && Number(step) > 0
    if (!isValid) throw describe(text, `"${item}" is no ${field.name} from ${field.least} to ${field.most}`)
    for (let value = first; value <= last; value += Number(step)) set.add(value)
  }
  return set
}

function parseRange(range: string, { name, least, most }: (typeof fields)[number], hasStep: boolean): [number, number] {
  if (range === '*') return [least, name === 'weekday' ? 6 : most]
  const [first = NaN, last] = range.split('-', 2).map((value) => parseValue(value, name, least))
  // `5/10` is "from 5 on, every 10".
  return [first, last ?? (hasStep ? most : first)]
}

function parseValue(value: string, name: string, least: number): number {
  const index = names[name]?.indexOf(value.toLowerCase()) ?? -1
  if (index >= 0) return index + least
  return /^\d+$/.test(value) ? Number(value) : NaN
}

function describe(text: string, problem: string) {
  return jobsError('HF_JOBS_CRON', `The schedule ${text === '' ? '' : `"${text}" `}cannot be used: ${problem}.`)
}
