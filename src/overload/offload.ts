import { validateOptions } from '../core/index.js'
import { overloadError } from './errors.js'
import { sharedOffloadPool, ThreadPool } from './offload-pool.js'
import { offloadOptionTable, offloadRunOptionTable, overloadDefaults } from './options.js'
import type { OffloadTask } from './offload-task.js'
import type { Offloaded, OffloadOptions, OffloadRunOptions } from './types.js'

type AnyFunction = (...args: never[]) => unknown
type ArgsOf<F> = F extends (...args: infer Args) => unknown ? Args : never
type ResultOf<F> = F extends (...args: never[]) => infer Result ? Awaited<Result> : never

/**
 * Gives a function that runs `fn` on a worker thread. It is sent as its source: what it uses must be a parameter of it, or
 * be imported inside of it.
 *
 * @throws HF_OVERLOAD_FUNCTION, HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID
 */
export function offload<Args extends unknown[], Result>(
  fn: (...args: Args) => Result,
  options?: OffloadOptions,
): Offloaded<Args, Awaited<Result>>
/**
 * Gives a function that runs the function `name` of a module on a worker thread:
 * `offload<typeof import('./resize.js'), 'resize'>(import.meta.resolve('./resize.js'), 'resize')`.
 */
export function offload<Module extends object, Name extends keyof Module & string>(
  module: string | URL,
  name: Name,
  options?: OffloadOptions,
): Offloaded<ArgsOf<Module[Name]>, ResultOf<Module[Name]>>
export function offload(
  what: AnyFunction | string | URL,
  second?: string | OffloadOptions,
  third?: OffloadOptions,
): Offloaded<unknown[], unknown> {
  const options = (typeof second === 'string' ? third : second) ?? {}
  validateOptions('offload', options, offloadOptionTable)
  const describe = typeof what === 'function' ? describeSource(what) : describeModule(what, second)
  const run = async (args: unknown[], runOptions: OffloadRunOptions = {}) => {
    validateOptions('offloaded.run', runOptions, offloadRunOptionTable)
    const deadlineMs = runOptions.deadlineMs ?? options.deadlineMs ?? overloadDefaults.offloadDeadlineMs
    return await ((options.pool ?? sharedOffloadPool()) as ThreadPool).run(
      { ...describe, args },
      deadlineMs,
      runOptions,
    )
  }
  return Object.assign(async (...args: unknown[]) => await run(args), { run })
}

type Described = OffloadTask extends infer Task ? (Task extends unknown ? Omit<Task, 'args'> : never) : never

function describeSource(fn: AnyFunction): Described & { args?: never } {
  const source = Function.prototype.toString.call(fn)
  const why = findObstacle(fn, source)
  if (why !== undefined)
    throw overloadError('HF_OVERLOAD_FUNCTION', `This function cannot be sent to a thread: ${why}.`)
  return { source }
}

function findObstacle(fn: AnyFunction, source: string): string | undefined {
  if (/\{\s*\[native code\]\s*\}$/.test(source)) return 'it is native or bound, and has no source'
  if (/^class\b/.test(source)) return 'it is a class'
  if (/Generator/.test(Object.prototype.toString.call(fn))) return 'it is a generator, which gives more than one value'
  return undefined
}

function describeModule(module: string | URL, name: unknown): Described & { args?: never } {
  const href = String(module)
  if (typeof name !== 'string' || name === '') {
    throw overloadError('HF_OVERLOAD_FUNCTION', 'offload(module, name) needs the name of a function in the module.')
  }
  if (!/^(file|data|node):/.test(href)) {
    throw overloadError(
      'HF_OVERLOAD_FUNCTION',
      'A module is given by its URL, or a thread would look for it elsewhere.',
      {
        fix: "Write `offload(import.meta.resolve('./work.js'), 'name')`.",
      },
    )
  }
  return { module: href, name }
}
