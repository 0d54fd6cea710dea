import type { Second } from '../../src/http/contract'

const spanMs = 60_000
const width = 120
const height = 28

/** Sixty seconds as a line. Decoration: the figure and its highest value stand beside it as text. */
export function Spark({
  seconds,
  of,
  floor,
}: {
  seconds: readonly Second[]
  of: (second: Second) => number
  floor: number
}) {
  const newest = seconds.at(-1)?.at ?? 0
  const shown = seconds.filter((second) => second.at > newest - spanMs)
  const top = Math.max(floor, ...shown.map(of)) * 1.08
  const points = shown.map((second) => {
    const x = width - ((newest - second.at) / spanMs) * width
    return `${x.toFixed(1)} ${(height - (of(second) / top) * (height - 2) - 1).toFixed(1)}`
  })
  const first = points[0]?.split(' ')[0] ?? '0'
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && (
        <path class="spark-area" d={`M${first} ${height}L${points.join('L')}L${width} ${height}Z`} />
      )}
      {points.length > 1 && <path class="spark-line" d={`M${points.join('L')}`} />}
    </svg>
  )
}
