import { connect, type Db, type HistogramView } from 'holdfast'
import { createRandom } from 'holdfast/prove'
import { judgeCount, round, summarize } from '../../harness/statistics.js'
import type { Row } from '../../harness/types.js'
import type { Part } from './setting.js'

const bound = { atMost: 0.032 } as const
const SAMPLES = 200_000
const INSTANCES = 4
const SHARES = [0.5, 0.9, 0.95, 0.99, 0.999]

interface Histogram extends HistogramView {
  record(ms: number): void
  encode(): Uint8Array
  addEncoded(bytes: Uint8Array, totalMs: number): void
}

type Draw = (random: () => number) => number

/** Durations as services have them. @unit ms */
const distributions: Readonly<Record<string, Draw>> = {
  'even, 0.1 to 50 ms': (random) => 0.1 + random() * 49.9,
  'exponential, mean 5 ms': (random) => -5 * Math.log(1 - random()),
  'log-normal, median 3 ms': (random) => 3 * Math.exp(drawNormal(random)),
  'Pareto, from 1 ms, a long tail': (random) => 1 / (1 - random()) ** (1 / 1.2),
  'two humps, hits of a cache and misses': (random) => (random() < 0.9 ? 0.2 + random() * 0.1 : 80 + 20 * random()),
  'a few seconds': (random) => 2_000 + 3_000 * random(),
  'below a millisecond': (random) => 0.04 + 0.4 * random(),
}

/** Percentiles of histograms against those of all durations: of one process, and of four as the database keeps them. */
export const percentiles: Part = async ({ input, databases }) => {
  const create = await loadHistogram()
  const db = await connect({ url: databases.urlOf('all') })
  const rows: Row[] = []
  const amount = input.quick ? SAMPLES / 10 : SAMPLES
  for (const [name, draw] of Object.entries(distributions)) {
    const random = createRandom(1)
    const parts = Array.from({ length: INSTANCES }, create)
    const whole = create()
    // Unlike load: the first instance has most of it.
    const durations = Array.from({ length: amount }, (_, n) => {
      const ms = draw(random)
      whole.record(ms)
      parts[n % 10 < 7 ? 0 : n % INSTANCES]?.record(ms)
      return ms
    })
    durations.sort((a, b) => a - b)
    rows.push(summarize(name, 'percentile_error', 'share', measureErrors(whole, durations)))
    rows.push(
      summarize(
        `${name}, of four`,
        'percentile_error',
        'share',
        measureErrors(await merge(db, parts, create()), durations),
      ),
    )
  }
  await db.close()
  const worst = Math.max(...rows.map(({ max }) => max))
  return { rows, checks: [judgeCount('percentile_error', round(worst), bound)] }
}

/** What watch records into. It is no part of the library's face: durations come into it by being measured. */
async function loadHistogram(): Promise<() => Histogram> {
  const file = new URL('../../../../dist/core/histogram.js', import.meta.url)
  const { Histogram } = (await import(file.href)) as { Histogram: new () => Histogram }
  return () => new Histogram()
}

/** By way of the database, in the form that the table has. */
async function merge(db: Db, parts: readonly Histogram[], merged: Histogram): Promise<Histogram> {
  for (const part of parts) {
    const { rows } = await db.query<{ bins: Buffer }>('select $1::bytea as bins', [Buffer.from(part.encode())])
    merged.addEncoded((rows[0] as { bins: Buffer }).bins, part.totalMs)
  }
  return merged
}

function measureErrors(histogram: Histogram, sorted: readonly number[]): number[] {
  return SHARES.map((share) => {
    const exact = sorted[Math.ceil(share * sorted.length) - 1] as number
    return Math.abs(histogram.percentileMs(share) - exact) / exact
  })
}

/** Source: Box and Muller, 1958. */
function drawNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
