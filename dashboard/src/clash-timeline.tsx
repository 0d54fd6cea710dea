import type { ClashDetails, ClashMoment } from '../../src/http/contract'
import { formatMs, joinFigure } from './format'

type Overlap = NonNullable<ClashDetails['realOverlap']>

/** The last time that two really met: each from its read to its write, and the same in words. */
export function ClashTimeline({ overlap: { first, second }, isKept }: { overlap: Overlap; isKept: boolean }) {
  // Both may be done within one tick of the clock.
  const end = Math.max(first.wroteAt, second.wroteAt, 0.1)
  return (
    <section aria-labelledby="clash-timeline">
      <h3 id="clash-timeline">The last time that two really met</h3>
      <div class="clash-lanes">
        {[first, second].map((moment, n) => (
          <Lane key={n} moment={moment} end={end} place={n} />
        ))}
        <p class="clash-scale" aria-hidden="true">
          <span>0</span>
          <span>{ms(end)}</span>
        </p>
      </div>
      <p class="note">{describe({ first, second }, isKept)}</p>
    </section>
  )
}

function Lane({ moment: { route, readAt, wroteAt }, end, place }: { moment: ClashMoment; end: number; place: number }) {
  const share = (at: number): number => Math.max(0, Math.min(100, (at / end) * 100))
  const [from, until] = [share(readAt), share(wroteAt)]
  return (
    <div class={`clash-lane lane-${place}`}>
      <p>
        <span class="route-name">{route}</span>{' '}
        <span class="note">
          {ms(readAt)} to {ms(wroteAt)}
        </span>
      </p>
      <svg width="100%" height="16" aria-hidden="true">
        <rect class="clash-ground" x="0" y="7" width="100%" height="2" />
        <rect class="clash-bar" x={`${from}%`} y="2" width={`${Math.max(0.6, until - from)}%`} height="12" rx="3" />
      </svg>
    </div>
  )
}

/** Where something keeps them apart, the second one's read may have waited: its beginning is known, not what it saw. */
function describe({ first, second }: Overlap, isKept: boolean): string {
  const [one, other] = first.route === second.route ? ['The first', 'the second'] : [first.route, second.route]
  const read = `${one} ${isKept ? 'began to read' : 'read'} at 0; ${other} ${isKept ? 'began' : 'read'} ${ms(second.readAt)} later, before that one had written`
  const isFirst = first.wroteAt <= second.wroteAt
  const [a, b] = isFirst ? [one, other] : [other, one]
  const [aAt, bAt] = isFirst ? [first.wroteAt, second.wroteAt] : [second.wroteAt, first.wroteAt]
  const end = isKept ? '' : ': each had decided on what was there before'
  return `${read}. ${capitalise(a)} wrote at ${ms(aAt)}, ${b} at ${ms(bAt)}${end}.`
}

const capitalise = (text = ''): string => text.charAt(0).toUpperCase() + text.slice(1)
const ms = (value: number): string => joinFigure(formatMs(value))
