/** A request runs so many statements, then it is the other's turn; the last one of each runs to its end. */
export interface Turn {
  side: 'A' | 'B'
  steps: number
}

export type Schedule = readonly Turn[]

const other = (side: 'A' | 'B'): 'A' | 'B' => (side === 'A' ? 'B' : 'A')

export const serialSchedule = (first: 'A' | 'B'): Schedule => [
  { side: first, steps: Infinity },
  { side: other(first), steps: Infinity },
]

/**
 * All schedules with so many changes of turn, those with few first: of all pairs that ever failed, all did with one
 * (research on 118 pairs), so that nobody waits for the 10^23 others.
 */
export function* listSchedules(lengths: Readonly<Record<'A' | 'B', number>>, preemptions: number): Generator<Schedule> {
  for (let turns = 1; turns <= preemptions; turns++)
    for (const first of ['A', 'B'] as const) yield* extend([], first, turns, lengths)
}

function* extend(
  before: Schedule,
  side: 'A' | 'B',
  turns: number,
  lengths: Readonly<Record<'A' | 'B', number>>,
): Generator<Schedule> {
  const done = before.filter((turn) => turn.side === side).reduce((sum, { steps }) => sum + steps, 0)
  if (turns === 0) {
    yield [...before, { side, steps: Infinity }, { side: other(side), steps: Infinity }]
    return
  }
  // One at least is left to do: otherwise it is the same as with a turn less.
  for (let steps = 1; done + steps < lengths[side]; steps++)
    yield* extend([...before, { side, steps }], other(side), turns - 1, lengths)
}
