// What a program does that takes turns until it is told to stop, and says what came of them.
import { isHoldfastError } from 'holdfast'
import { isClockMessage, setClock } from './clock.js'
import { Tally, wait } from './invariants.js'

export interface TurnsOptions {
  /** Turns at the same time. */
  loops: number
  tally: Tally
  takeTurn: () => Promise<void>
  close: () => Promise<void>
}

/** From a program; `counts` is what came since the message before. */
export interface TurnsMessage {
  counts: Record<string, number>
  isIdle: boolean
}

export const onPurpose = new Error('rolled back on purpose')

const TELL_MS = 50
/** Without a pause an outage of a second would use up thousands of turns. */
const MOST_PAUSE_MS = 60

export function takeTurns({ loops, tally, takeTurn, close }: TurnsOptions): void {
  let isOver = false
  let told = new Map<string, number>()

  function tell(isIdle: boolean): void {
    const now = Object.entries(tally.toRecord())
    const counts = Object.fromEntries(now.map(([name, count]) => [name, count - (told.get(name) ?? 0)]))
    told = new Map(now)
    process.send?.({ counts, isIdle } satisfies TurnsMessage)
  }

  async function work(): Promise<void> {
    while (!isOver) {
      try {
        await takeTurn()
      } catch (error) {
        tally.add(`turns that ended as ${describe(error)}`)
        await wait(Math.random() * MOST_PAUSE_MS)
      }
    }
  }

  const working = Promise.all(Array.from({ length: loops }, work))
  const timer = setInterval(() => tell(false), TELL_MS)

  async function pause(): Promise<void> {
    isOver = true
    await working
    clearInterval(timer)
    tell(true)
  }

  async function stop(): Promise<void> {
    isOver = true
    await close()
    await pause()
    process.exit(0)
  }

  process.on('message', (what) => {
    if (isClockMessage(what)) setClock(what)
    else void (what === 'pause' ? pause() : stop())
  })
}

function describe(error: unknown): string {
  if (error === onPurpose) return 'rolled back on purpose'
  if (isHoldfastError(error)) return error.code
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
