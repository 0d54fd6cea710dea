import type { ProfileDocument, ProfiledFunctionRow } from '../../src/http/contract'
import { formatMs, formatShare, joinFigure } from './format'
import { profiled, saveProfile, takeProfile } from './profile-state'
import { TableHead } from './table-head'

const shown = 12

/** Which functions use the CPU for a route, asked for by whoever looks. */
export function LatencyProfile({ route }: { route: string }) {
  const state = profiled.value?.route === route ? profiled.value : null
  const isAsking = state?.is === 'asking'
  return (
    <section class="panel routes latency" aria-labelledby="profile-title">
      <header>
        <h2 id="profile-title">
          What <span class="route-name">{route}</span> computes
        </h2>
        <p class="note">
          Of the process that serves this page, for five seconds from now; it costs some CPU while it lasts.
        </p>
      </header>
      <div class="ask">
        <button type="button" class="quiet strong" disabled={isAsking} onClick={() => void takeProfile(route)}>
          {isAsking ? 'Looking for five seconds…' : 'Profile it'}
        </button>
        {state?.is === 'answered' && (
          <button type="button" class="quiet" onClick={() => saveProfile(state.profile)}>
            Save for developer tools
          </button>
        )}
      </div>
      <div role="status">{state?.is === 'answered' && <Answer profile={state.profile} />}</div>
      <div role="alert">{state?.is === 'failed' && <p class="refusal">{state.reason}</p>}</div>
    </section>
  )
}

function Answer({ profile: { ms, cpuMs, functions } }: { profile: ProfileDocument }) {
  const seconds = Math.round(ms / 1_000)
  if (cpuMs === 0) return <p class="note ask">None of its requests ran in these {seconds} s.</p>
  return (
    <>
      <p class="note ask">
        Its requests used {joinFigure(formatMs(cpuMs))} of these {seconds} s.
      </p>
      <table role="table">
        <TableHead columns={['Function', 'Itself', 'Share', 'With what it calls']} />
        <tbody role="rowgroup">
          {functions.slice(0, shown).map((row) => (
            <Row key={`${row.name} ${row.place}`} row={row} />
          ))}
        </tbody>
      </table>
    </>
  )
}

function Row({ row: { name, place, selfMs, totalMs, share } }: { row: ProfiledFunctionRow }) {
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <span class="route-name">{name === '' ? '(no name)' : name}</span>
        {place !== '' && <p class="note">{place}</p>}
      </th>
      <td role="cell" data-label="Itself">
        {joinFigure(formatMs(selfMs))}
      </td>
      <td role="cell" data-label="Share">
        {joinFigure(formatShare(share))}
      </td>
      <td role="cell" data-label="With what it calls">
        {joinFigure(formatMs(totalMs))}
      </td>
    </tr>
  )
}
