import { defineErrors, type ErrorTable } from '../core/index.js'

export const overloadErrors = {
  HF_OVERLOAD_SHED: {
    summary: 'This process has more requests than it can answer in time, and this one was refused.',
    when: 'It would have been answered too late, it had waited for too long, the queue was full, or its client had more waiting than others. Nothing was begun.',
    fix: 'Send it again after `Retry-After`; add processes, or make the route cheaper, if that is how it is every day.',
    retryable: true,
    status: 503,
  },
  HF_OVERLOAD_QUEUE_FULL: {
    summary: 'More work waits for worker threads than may.',
    when: 'All threads are at work, and `maxQueue` calls wait for one. This call was not begun.',
    fix: 'Wait for earlier calls before you make more, or answer 503; raise `maxQueue` only if waiting so long is worth it.',
    retryable: true,
    status: 503,
  },
  HF_OVERLOAD_DEADLINE: {
    summary: 'A function on a worker thread did not end in time.',
    when: '`deadlineMs` were over, waiting for a thread included. If it ran its thread was ended; what it had done outside of its own memory stays done.',
    fix: 'Give it less to do in a call, or raise `deadlineMs`.',
    status: 503,
  },
  HF_OVERLOAD_CLOSURE: {
    summary: 'A function for a worker thread uses something from outside of itself.',
    when: 'It is sent as its source, and the name that the message tells does not exist in the thread: a variable or an import of the file that it was written in.',
    fix: "Pass it as a parameter, or import it inside of the function (`await import('node:zlib')`), or put the function into a module: `offload(import.meta.resolve('./work.js'), 'name')`.",
  },
  HF_OVERLOAD_FUNCTION: {
    summary: 'This cannot be run on a worker thread.',
    when: 'The function is native, bound, a class, a generator or a private method, or the module could not be loaded or has no function of that name.',
    fix: 'Give a plain function or arrow function, or a module that a thread can load: a built file, not one that a loader of the main thread translates.',
  },
  HF_OVERLOAD_CLONE: {
    summary: 'A value cannot be sent to or from a worker thread.',
    when: 'A parameter, or what the function gave, holds a function, a symbol or an object that is more than data.',
    fix: 'Send plain data, and make what is more of it on the other side.',
  },
  HF_OVERLOAD_THREAD: {
    summary: 'A worker thread ended while it ran a function.',
    when: 'The function called `process.exit`, or needed more memory than the thread has (`maxMemoryMb`). The others go on, and another thread takes its place.',
    fix: 'Do less in a call, or raise `maxMemoryMb`; throw instead of ending the process.',
  },
  HF_OVERLOAD_PISCINA: {
    summary: 'The package piscina is not installed.',
    when: '`offload` runs its threads with it, and it is an optional dependency.',
    fix: 'Install it: `npm install piscina`.',
  },
  HF_OVERLOAD_CLOSED: {
    summary: 'This pool of worker threads has been closed.',
    when: '`close()` was called: what ran has ended or was ended, and nothing more is begun.',
    fix: 'Close it after whoever uses it has ended.',
  },
  HF_OVERLOAD_LIMITER_FULL: {
    summary: 'More calls wait for a limiter than may.',
    when: 'As many run as the limiter allows, and `maxQueue` wait; or others have fewer waiting than the key of this call, and came. It was not begun.',
    fix: 'Answer 503 and let the client try again; raise `maxQueue` only if waiting so long is worth it.',
    retryable: true,
    status: 503,
  },
  HF_OVERLOAD_LIMITER_TIMEOUT: {
    summary: 'A call waited for a limiter for too long.',
    when: 'It was not its turn within `deadlineMs`. It was not begun.',
    fix: 'Answer 503 and let the client try again; raise `deadlineMs` only if it is still worth something then.',
    retryable: true,
    status: 503,
  },
} as const satisfies ErrorTable

export const overloadError = defineErrors(overloadErrors)
