import type { QueryDocument, QueryPlanRow } from '../../src/http/contract'
import { nameLetters, readFlips, type Flip } from './flips'
import { formatMoment, formatMs, formatSpan, joinFigure } from './format'
import { describeAccess } from './plan-words'
import { tables, toggleTable } from './view-state'

const mostLanes = 8
const mostDeploys = 8
const table = 'query'
const height = 100
const width = 1_000

/** P95 over time, and below it a lane for each plan: whether the line rose when the plan became another one. */
export function QueryCourse({ query }: { query: QueryDocument }) {
  const isTable = tables.value.has(table)
  const flips = readFlips(query.findings).filter(({ at }) => at >= query.from && at <= query.until)
  return (
    <figure class="query-course" aria-labelledby="course-title">
      <header>
        <h3 id="course-title">P95 and plans over time</h3>
        {query.history.length > 0 && (
          <button
            type="button"
            class="quiet"
            aria-pressed={isTable}
            aria-label={`P95 and plans over time: ${isTable ? 'show as plot' : 'show as table'}`}
            onClick={() => toggleTable(table)}
          >
            {isTable ? 'Show as plot' : 'Show as table'}
          </button>
        )}
      </header>
      {query.history.length === 0 && (
        <p class="note">It did not run in this time: look back further at the top of the page.</p>
      )}
      {query.history.length > 0 && (isTable ? <Rows query={query} /> : <Plot query={query} flips={flips} />)}
      <figcaption>{describe(query, flips)}</figcaption>
    </figure>
  )
}

function describe({ history, plans, deploys }: QueryDocument, flips: readonly Flip[]): string {
  const highest = history.toSorted((a, b) => b.p95 - a.p95)[0]
  const letters = nameLetters(plans)
  const sentences = [
    ...(highest === undefined
      ? []
      : [`P95 at most ${joinFigure(formatMs(highest.p95))}, at ${formatMoment(highest.at)}.`]),
    ...flips.map(
      ({ at, before, after }) =>
        `At ${formatMoment(at)} plan ${letters.get(before) ?? '?'} gave way to plan ${letters.get(after) ?? '?'}.`,
    ),
    ...deploys.map(({ label, at }) => `Version ${label} came at ${formatMoment(at)}.`),
  ]
  return sentences.join(' ')
}

function Plot({ query, flips }: { query: QueryDocument; flips: readonly Flip[] }) {
  const { from, until, stepMs, history, deploys } = query
  const top = Math.max(1, ...history.map(({ p95 }) => p95)) * 1.1
  const place = (at: number): number => Math.min(1, Math.max(0, (at - from) / (until - from)))
  const letters = nameLetters(query.plans)
  return (
    <div class="course">
      <div class="course-marks">
        {flips.map(({ at, before, after }) => (
          <Mark
            key={`${at} ${after}`}
            kind="flip"
            place={place(at)}
            row={0}
            label={`Flip ${letters.get(before) ?? '?'} → ${letters.get(after) ?? '?'}`}
          />
        ))}
        {deploys.slice(-mostDeploys).map(({ label, at }, n) => (
          <Mark key={label} kind="deploy" place={place(at)} row={1 + (n % 2)} label={`Deploy ${label}`} />
        ))}
      </div>
      <div class="course-scale" aria-hidden="true">
        <span>{joinFigure(formatMs(top))}</span>
        <span>{joinFigure(formatMs(top / 2))}</span>
        <span>0</span>
      </div>
      <div class="course-line">
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          <path class="course-grid" d={`M0 ${height / 2}H${width}M0 0.5H${width}M0 ${height}H${width}`} />
          <path class="course-p50" d={draw(query, top, ({ p50 }) => p50)} />
          <path class="course-p95" d={draw(query, top, ({ p95 }) => p95)} />
        </svg>
      </div>
      <Lanes query={query} letters={letters} place={place} width={stepMs / (until - from)} />
      <div class="course-times" aria-hidden="true">
        {[0, 1 / 3, 2 / 3, 1].map((share) => (
          <span key={share}>{formatMoment(from + (until - from) * share)?.slice(0, -3)}</span>
        ))}
      </div>
      <ul class="legend" aria-hidden="true">
        <li>
          <i class="key key-p95" /> P95
        </li>
        <li>
          <i class="key key-p50" /> P50
        </li>
      </ul>
    </div>
  )
}

/** A step for each minute or hour; no line where nothing ran. */
function draw(
  { history, from, until, stepMs }: QueryDocument,
  top: number,
  of: (entry: QueryDocument['history'][number]) => number,
): string {
  const parts: string[] = []
  let end = -Infinity
  for (const entry of history) {
    const at = (time: number): string => (((time - from) / (until - from)) * width).toFixed(1)
    const y = (height - (of(entry) / top) * height).toFixed(1)
    parts.push(`${entry.at <= end ? 'L' : 'M'}${at(entry.at)} ${y}H${at(Math.min(until, entry.at + stepMs))}`)
    end = entry.at + stepMs
  }
  return parts.join('')
}

interface MarkProperties {
  kind: 'flip' | 'deploy'
  place: number
  row: number
  label: string
}

function Mark({ kind, place, row, label }: MarkProperties) {
  const side = place > 0.6 ? 'mark-left' : 'mark-right'
  return (
    <span class={`course-mark ${kind}-mark ${side} row-${row}`} style={{ left: `${place * 100}%` }} aria-hidden="true">
      <b>{label}</b>
    </span>
  )
}

interface LaneProperties {
  query: QueryDocument
  letters: ReadonlyMap<string, string>
  place: (at: number) => number
  width: number
}

function Lanes({ query: { plans, lanes }, letters, place, width: step }: LaneProperties) {
  const used = plans.filter(({ shape }) => lanes.some((entry) => entry.shape === shape))
  const shown = used.slice(0, mostLanes).toSorted((a, b) => a.firstSeenAt - b.firstSeenAt)
  const indexOf = [...letters.keys()]
  return (
    <ul class="lanes" aria-label="Plans">
      {shown.map((plan) => (
        <li key={plan.shape} class={`lane lane-${indexOf.indexOf(plan.shape) % 6}`}>
          <p>
            <b class="plan-letter">{letters.get(plan.shape)}</b> <span>{summarize(plan)}</span>
          </p>
          <div class="lane-track" aria-hidden="true">
            {lanes
              .filter(({ shape }) => shape === plan.shape)
              .map(({ at, seen, mostMs }) => (
                <i
                  key={at}
                  style={{ left: `${place(at) * 100}%`, width: `${Math.min(step, 1 - place(at)) * 100}%` }}
                  title={`${formatMoment(at) ?? ''}: seen ${seen} times, ${joinFigure(formatMs(mostMs))} at most`}
                />
              ))}
          </div>
        </li>
      ))}
      {used.length > shown.length && <li class="note">And {used.length - shown.length} more plans.</li>}
      {used.length === 0 && <li class="note">No execution of it was explained in this time.</li>}
    </ul>
  )
}

function summarize({ tree, seen, typicalMs, slowMs, isInferred }: QueryPlanRow): string {
  const times = `typically ${joinFigure(formatMs(typicalMs))}, ${joinFigure(formatMs(slowMs))} at most`
  return `${describeAccess(tree)}${isInferred ? ' (generic, inferred)' : ''} · explained ${seen} times: ${times}`
}

function Rows({ query: { history, lanes, plans, stepMs } }: { query: QueryDocument }) {
  const letters = nameLetters(plans)
  return (
    <div class="plot-table" tabIndex={0} role="region" aria-label="P95 and plans over time as a table">
      <table>
        <thead>
          <tr>
            {[`${formatSpan(stepMs)} from`, 'Calls', 'P50', 'P95', 'Plans'].map((label) => (
              <th scope="col" key={label}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {history.toReversed().map(({ at, calls, p50, p95 }) => (
            <tr key={at}>
              <th scope="row">{formatMoment(at)}</th>
              <td>{calls}</td>
              <td>{joinFigure(formatMs(p50))}</td>
              <td>{joinFigure(formatMs(p95))}</td>
              <td>
                {lanes
                  .filter((entry) => entry.at === at)
                  .map(({ shape }) => letters.get(shape) ?? '?')
                  .toSorted()
                  .join(' ') || '–'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
