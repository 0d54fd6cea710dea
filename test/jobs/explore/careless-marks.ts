import { LaneMarks } from '../../../src/jobs/lane-marks.js'
import type { ClaimRow } from '../../../src/jobs/store.js'

/** Begins always after the last claimed id. */
export class MarkAfterLastId extends LaneMarks {
  head = 0

  override get safe(): number {
    return this.head
  }

  override choose(): number {
    return this.head
  }

  override note(row: ClaimRow): undefined {
    this.opened = Number(row.opened)
    if (row.last_id !== null) this.head = Math.max(this.head, Number(row.last_id) + 1)
  }
}

/** Does not wait until those who may own lower ids have ended. */
export class MarkWithoutXmin extends LaneMarks {
  override note(row: ClaimRow, wasFull: boolean): number | undefined {
    return super.note({ ...row, xmin: String(2n ** 63n - 1n) }, wasFull)
  }
}

/** Takes a claim's own transaction for a stamp of what it saw, although it began before it looked. */
export class MarkStampedByItself extends LaneMarks {
  override note(row: ClaimRow, wasFull: boolean): number | undefined {
    const before = super.note({ ...row, xid: null, xmin: '0' }, wasFull)
    return before ?? super.note({ ...row, last_id: null }, wasFull)
  }
}
