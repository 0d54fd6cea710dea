const drawnSlots = 40
const drawnWaiting = 12

/** The pool as what it is: a number of places, taken or free, and those who stand before it. */
export function Slots({ max, busy, waiting }: { max: number; busy: number; waiting: number }) {
  const drawn = Math.min(max, drawnSlots)
  const filled = Math.round((Math.min(busy, max) / Math.max(max, 1)) * drawn)
  return (
    <div class="slots" aria-hidden="true">
      <span class="slots-row">
        {Array.from({ length: drawn }, (_, i) => (
          <i key={i} class={i < filled ? 'slot slot-busy' : 'slot'} />
        ))}
      </span>
      <span class="slots-row slots-waiting">
        {Array.from({ length: Math.min(waiting, drawnWaiting) }, (_, i) => (
          <i key={i} class="waiter" />
        ))}
      </span>
    </div>
  )
}
