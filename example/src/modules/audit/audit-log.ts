import { appendFileSync, truncateSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Some 30 000 lines: it is there to be looked at, not to fill a disk. */
const mostBytes = 4_000_000

export interface AuditEntry {
  at: string
  method: string
  path: string
  status: number
}

export interface AuditLog {
  /** Off at first. */
  readonly isOn: boolean
  readonly onSince: Date | undefined
  /** Turned off, its file is gone. */
  turn(isOn: boolean): Promise<void>
  /** Adds a line, and begins anew where the file is full. */
  write(entry: AuditEntry): void
}

/**
 * A dial, not an example: each request waits here for the disk, and with it all others of the process, as in many an
 * application where somebody wrote "it must not lose a line". What it is to be instead: lines of some milliseconds
 * together in one `await appendFile`, or a row in the transaction that it is about.
 */
export function createAuditLog(): AuditLog {
  let folder: string | undefined
  let onSince: Date | undefined
  let bytes = 0

  return {
    get isOn() {
      return folder !== undefined
    },
    get onSince() {
      return onSince
    },
    async turn(isOn) {
      if (isOn === (folder !== undefined)) return
      const before = folder
      folder = isOn ? await mkdtemp(join(tmpdir(), 'box-office-audit-')) : undefined
      onSince = isOn ? new Date() : undefined
      bytes = 0
      if (before !== undefined) await rm(before, { recursive: true, force: true })
    },
    write(entry) {
      if (folder === undefined) return
      const file = join(folder, 'audit.jsonl')
      const line = `${JSON.stringify(entry)}\n`
      if (bytes + line.length > mostBytes) {
        // holdfast-ignore-next-line doctor/sync-in-request -- this is the fault that is shown
        truncateSync(file) // oxlint-disable-line node/no-sync -- as well
        bytes = 0
      }
      // holdfast-ignore-next-line doctor/sync-in-request -- this is the fault that is shown
      appendFileSync(file, line, { flush: true }) // oxlint-disable-line node/no-sync -- as well
      bytes += line.length
    },
  }
}
