import { defineErrors, type ErrorTable } from '../core/index.js'

export const locksErrors = {
  HF_LOCKS_TIMEOUT: {
    summary: 'A lock was not had in time.',
    when: 'Somebody else held it for longer than `waitMs`. Nothing is held, and no place in the queue is kept.',
    fix: 'Try again later, or raise `waitMs`; `holdfast.locks_overview` shows who holds it.',
    retryable: true,
    status: 503,
  },
  HF_LOCKS_LOST: {
    summary: 'A lease ended while its lock was held.',
    when: 'The reason of `lock.signal`: the process was stopped, its event loop was blocked, or the database was out of reach for longer than the lease. Somebody else may hold the lock now. What was written through `lock.fenced` is safe.',
    fix: 'End what the lock protects; raise `ttlMs`, or move blocking work off the event loop.',
    retryable: true,
  },
  HF_LOCKS_STALE: {
    summary: 'A guarded write came after its lock was lost.',
    when: 'The lock is not held with this fence any more. The transaction can only roll back: nothing was written.',
    fix: 'Acquire the lock again and read again what the write was based on.',
    retryable: true,
    status: 409,
  },
  HF_LOCKS_DEADLOCK: {
    summary: 'Locks wait for each other in a circle.',
    when: 'Each of them was asked for while another one of the circle was held; the youngest request is ended. Or a scope asks for a key that it holds already.',
    fix: 'Ask for all keys in one call, or always in the same order; inside of a scope that holds the key: `run(…, { reentrant: true })`.',
    retryable: true,
    status: 409,
  },
  HF_LOCKS_KEY: {
    summary: 'A key cannot be locked.',
    when: 'It is empty, longer than 500 characters, or holds a character that no text in the database can; or there is none, there are more than 50, or one is named twice.',
    fix: 'Use a short text that says what is locked, such as `user:42:export`.',
    status: 422,
  },
  HF_LOCKS_REQUIRED: {
    summary: 'A table was written to without the lock that it requires.',
    when: 'Its trigger `holdfast.locks_require` found no lock of that key in the transaction. Nothing was written.',
    fix: 'Write inside of `lock.fenced(…)`, or after `lock.guard(tx)`, with a lock of the key that the message names.',
    status: 409,
  },
  HF_LOCKS_REDIS: {
    summary: 'The Redis of the locks did not answer, or cannot be used.',
    when: 'It was out of reach for longer than five seconds, or the client that was given is neither of ioredis nor of node-redis. Nothing is held; what was held goes on until its lease ends.',
    fix: 'Look at the server and at the client; `createLocks(db)` without a back end needs neither.',
    retryable: true,
    status: 503,
  },
  HF_LOCKS_CLOSED: {
    summary: 'These locks have been closed.',
    when: '`locks.close()` was called: what was held is released, who waited is told, and nothing more can be acquired.',
    fix: 'Close them after whoever uses them has ended.',
  },
} as const satisfies ErrorTable

export const locksError = defineErrors(locksErrors)
