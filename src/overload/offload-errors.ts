import type { HoldfastError } from '../core/index.js'
import { overloadError } from './errors.js'
import type { SentError } from './offload-task.js'

const builtIn = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError } as Record<
  string,
  ErrorConstructor
>

/** What a function threw, as it was; what kept it from running, as an error of ours. */
export function rebuildError(sent: SentError): unknown {
  switch (sent.kind) {
    case 'thrown':
      return rebuildThrown(sent)
    case 'not-error':
      return sent.properties['value']
    case 'free-variable':
      return overloadError(
        'HF_OVERLOAD_CLOSURE',
        `The function uses \`${sent.name}\`, which is outside of it and does not exist in a worker thread.`,
        { details: { name: sent.name } },
      )
    default:
      return overloadError('HF_OVERLOAD_FUNCTION', sent.message)
  }
}

function rebuildThrown({ name, message, stack, properties }: SentError): Error {
  const error = new (builtIn[name] ?? Error)(message)
  const define = (key: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true })
  if (error.name !== name) define('name', name, false)
  if (stack !== undefined) define('stack', stack, false)
  for (const [key, value] of Object.entries(properties)) define(key, value, key !== 'cause')
  return error
}

/** What the pool says when a thread did not answer at all. */
export function explainFailure(error: unknown, isClosed: boolean): unknown {
  if (!(error instanceof Error)) return isLostClone(error) ? lostClone() : error
  if (/could not be cloned/.test(error.message)) {
    return overloadError('HF_OVERLOAD_CLONE', error.message, { cause: error })
  }
  if (isClosed && error.message === 'Terminating worker thread') return closedError()
  if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return overloadError('HF_OVERLOAD_THREAD', 'A worker thread needed more memory than it may have.', { cause: error })
  }
  const exitCode = /^worker exited with code: (\d+)$/.exec(error.message)?.[1]
  if (exitCode === undefined) return error
  return overloadError('HF_OVERLOAD_THREAD', `A worker thread ended with code ${exitCode} while it ran the function.`)
}

/** A thread that cannot send its answer throws a DOMException, of which nothing arrives but an empty object. */
function isLostClone(error: unknown): boolean {
  return typeof error === 'object' && error !== null && Object.keys(error).length === 0
}

function lostClone(): HoldfastError {
  return overloadError('HF_OVERLOAD_CLONE', 'What the function gave cannot be sent to the main thread.')
}

export function closedError(): HoldfastError {
  return overloadError('HF_OVERLOAD_CLOSED', 'This pool was closed.')
}
