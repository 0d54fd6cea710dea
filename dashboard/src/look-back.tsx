import { latencyWindow, latencyWindows } from './view-state'

const windowNames = { '15m': '15 minutes', '1h': 'hour', '24h': '24 hours', '7d': '7 days' } as const

/** How far a page looks back. */
export function LookBack({ id }: { id: string }) {
  return (
    <>
      <label for={id}>The last</label>
      <select
        id={id}
        value={latencyWindow.value}
        onChange={(event) => (latencyWindow.value = event.currentTarget.value as (typeof latencyWindows)[number])}
      >
        {latencyWindows.map((window) => (
          <option key={window} value={window}>
            {windowNames[window]}
          </option>
        ))}
      </select>
    </>
  )
}
