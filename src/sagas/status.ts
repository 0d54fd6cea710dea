import type { StatusRow } from './store.js'
import type { SagaStatus } from './types.js'

export function viewStatus(row: StatusRow): SagaStatus {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    state: row.state,
    isCancelling: row.is_cancelled && !row.is_undoing && row.finished_at === null,
    isPivoted: row.is_pivoted,
    error: row.error,
    doing: row.doing.map(({ name, kind, until }) => ({
      name,
      kind,
      until: until === undefined ? null : new Date(until),
    })),
    startedAt: row.started_at,
    endsBy: row.ends_by,
    finishedAt: row.finished_at,
  }
}
