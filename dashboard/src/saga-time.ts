import type { SagaDocument, SagaStepRow } from '../../src/http/contract'

/** Nothing that happens in a process takes longer as a rule: a longer stretch is one of waiting, and is folded. */
const foldedMs = 10_000
/** A folded stretch is as wide as so many milliseconds of an unfolded one, at least a part of the whole. */
const foldedShare = 0.15

export interface Span {
  /** 0 to 100. */
  from: number
  to: number
}

/** A time line that is short however long the saga took: places of times on it, and where it is folded. */
export interface TimeLine {
  place(at: number): number
  folds: readonly Span[]
}

export function layTimeLine({ startedAt, finishedAt, nowAt, steps }: SagaDocument): TimeLine {
  const ends = steps.flatMap(({ startedAt: from, endedAt, undo }) => [from, endedAt ?? nowAt, undo?.at ?? from])
  const times = [...new Set([startedAt, ...ends, finishedAt ?? startedAt])].sort((a, b) => a - b)
  const stretches = times.slice(1).map((to, i) => ({ from: times[i] ?? to, to }))
  const isFolded = ({ from, to }: { from: number; to: number }): boolean => to - from > foldedMs
  const openMs = stretches.filter((each) => !isFolded(each)).reduce((sum, { from, to }) => sum + to - from, 0)
  const foldWidth = Math.max(openMs * foldedShare, 1)
  const places = new Map([[times[0] ?? startedAt, 0]])
  const folds: Span[] = []
  let x = 0
  for (const stretch of stretches) {
    const from = x
    x += isFolded(stretch) ? foldWidth : stretch.to - stretch.from
    places.set(stretch.to, x)
    if (isFolded(stretch)) folds.push({ from, to: x })
  }
  const scale = 100 / Math.max(x, 1)
  return {
    place: (at) => (places.get(at) ?? 0) * scale,
    folds: folds.map(({ from, to }) => ({ from: from * scale, to: to * scale })),
  }
}

export interface Gaps {
  /** Nothing went on before this step, for so long; 0: not worth a word. */
  forward: number
  /** From the undoing of the step below to the one of this. */
  back: number
}

/** How long nothing went on before each step, and between two undoings: down on the left, up on the right. */
export function findGaps(saga: SagaDocument): readonly Gaps[] {
  let busyUntil = saga.startedAt
  const forward = saga.steps.map(({ startedAt, endedAt }) => {
    const gap = startedAt - busyUntil
    busyUntil = Math.max(busyUntil, endedAt ?? saga.nowAt)
    return gap
  })
  let undoneAt: number | null = null
  const back = saga.steps.toReversed().map((step) => {
    const at = step.undo?.at ?? null
    const gap: number = at === null || undoneAt === null ? 0 : at - undoneAt
    undoneAt = at ?? undoneAt
    return gap
  })
  back.reverse()
  const worth = (gap = 0): number => (gap > foldedMs ? gap : 0)
  return forward.map((gap, i) => ({ forward: worth(gap), back: worth(back[i]) }))
}

/** From the last thing that went on forward to the first that was undone; 0: not worth a word. */
export function findTurn({ steps }: SagaDocument): number {
  const first = Math.min(...steps.flatMap(({ undo }) => undo?.at ?? []))
  const last = Math.max(...steps.map(({ startedAt, endedAt }) => endedAt ?? startedAt))
  return Number.isFinite(first) && first - last > foldedMs ? first - last : 0
}

export function tookMs({ startedAt, endedAt }: SagaStepRow, nowAt: number): number {
  return (endedAt ?? nowAt) - startedAt
}
