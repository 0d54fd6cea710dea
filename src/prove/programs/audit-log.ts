// The audit log of the experiment sync-over-async: a line for each request, with a slow hash of whom it was for, so that
// nobody reads a customer's number off the log or guesses it.
import { pbkdf2, pbkdf2Sync } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface AuditEntry {
  at: number
  action: string
  customer: number
}

export interface AuditLog {
  write(entry: AuditEntry): void | Promise<void>
  /** Until all that was written is in the file. */
  settle(): Promise<void>
}

const ROUNDS = 10_000
const MOST_REMEMBERED = 10_000
const salt = 'of the application'
const hashAside = promisify(pbkdf2)

/** As people write it: a helper of some lines, which nobody looks at again. */
export function openSyncLog(file: string): AuditLog {
  // oxlint-disable-next-line node/no-sync -- this is the fault that is shown
  const hash = (customer: number) => pbkdf2Sync(String(customer), salt, ROUNDS, 16, 'sha256').toString('hex')
  return {
    write({ customer, ...entry }) {
      // oxlint-disable-next-line node/no-sync -- this is the fault that is shown
      appendFileSync(file, `${JSON.stringify({ ...entry, customer: hash(customer) })}\n`)
    },
    settle: async () => {},
  }
}

/** The same with an await in front of each: the event loop is free, and the work stays. */
export function openAsyncLog(file: string): AuditLog {
  return {
    async write({ customer, ...entry }) {
      await appendFile(file, `${JSON.stringify({ ...entry, customer: await hash(customer) })}\n`)
    },
    settle: async () => {},
  }
}

/** A customer is hashed once, on another thread; lines that come together are written together. */
export function openBatchedLog(file: string): AuditLog {
  const hashes = new Map<number, Promise<string>>()
  let waiting: string[] = []
  let writing: Promise<void> | undefined

  function remember(customer: number): Promise<string> {
    let hashed = hashes.get(customer)
    if (hashed === undefined) {
      if (hashes.size >= MOST_REMEMBERED) hashes.clear()
      hashed = hash(customer)
      hashes.set(customer, hashed)
    }
    return hashed
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const lines = waiting
      waiting = []
      await appendFile(file, lines.join(''))
    }
    writing = undefined
  }

  return {
    async write({ customer, ...entry }) {
      // Awaited before: `waiting` may be another list afterwards.
      const hashed = await remember(customer)
      waiting.push(`${JSON.stringify({ ...entry, customer: hashed })}\n`)
      writing ??= writeAll()
    },
    settle: async () => await writing,
  }
}

async function hash(customer: number): Promise<string> {
  return (await hashAside(String(customer), salt, ROUNDS, 16, 'sha256')).toString('hex')
}
