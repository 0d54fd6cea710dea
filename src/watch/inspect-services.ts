import { validateOptions, type Db } from '../core/index.js'
import { listOutbound, type OutboundRow } from './inspect-store.js'
import type { ServiceLatency, WatchFilter } from './inspect-types.js'
import { watchFilterTable } from './options.js'
import { divide, guardTables, spread, sumBy, toWindows } from './sums.js'

export async function readServices(db: Pick<Db, 'query'>, filter: WatchFilter = {}): Promise<ServiceLatency[]> {
  validateOptions('watch.inspect', filter, watchFilterTable)
  const rows = await guardTables(async () => await listOutbound(db, toWindows(filter), filter))
  const [now, before] = [rows.filter((row) => !row.is_before), rows.filter((row) => row.is_before)]
  const earlier = sumBy(before, keyOfHost)
  const ofRoutes = sumBy(now, keyOfRoute)
  return [...sumBy(now, keyOfHost)]
    .toSorted(([, a], [, b]) => b.totalMs - a.totalMs)
    .slice(0, filter.limit ?? 50)
    .map(([key, durations]) => {
      const [route, segment, host] = JSON.parse(key) as [string, string, string]
      const [sum, was] = [ofRoutes.get(keyOfRoute({ route, segment })), earlier.get(key)]
      return {
        route,
        segment,
        host,
        requests: durations.count,
        latency: spread(durations),
        share: divide(durations.totalMs, sum?.totalMs ?? 0),
        before: was ? spread(was) : null,
      }
    })
}

type Named = Pick<OutboundRow, 'route' | 'segment' | 'host'>

const keyOfHost = ({ route, segment, host }: Named): string => JSON.stringify([route, segment, host])
const keyOfRoute = ({ route, segment }: Omit<Named, 'host'>): string => JSON.stringify([route, segment])
