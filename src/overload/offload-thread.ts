// Runs in a worker thread: makes a function of its source, or loads its module, and calls it.

import { move as markMoved, transferableSymbol, valueSymbol } from 'piscina'
import type { OffloadAnswer, OffloadTask, SentError } from './offload-task.js'

type AnyFunction = (...args: unknown[]) => unknown

const MOST_FUNCTIONS = 100
const functions = new Map<string, AnyFunction>()

/** What translators leave in functions: esbuild in those that have functions inside, vitest in those that import. */
const helpers = 'const __name = (fn) => fn, __vite_ssr_dynamic_import__ = (name) => import(name);'

class NotRunnable extends Error {}

export default async function runTask(task: OffloadTask): Promise<OffloadAnswer | object> {
  try {
    const isSource = 'source' in task
    const fn = isSource ? compile(task.source) : await load(task.module, task.name)
    const result = await fn(...task.args)
    return answer(result, isSource)
  } catch (error) {
    return { error: describeError(error, 'source' in task) } satisfies OffloadAnswer
  }
}

function compile(source: string): AnyFunction {
  const known = functions.get(source)
  if (known) return known
  const fn = evaluate(`(${source}\n)`) ?? evaluate(`Object.values({${source}\n})[0]`)
  if (fn === undefined) throw new NotRunnable('Its source is not that of a function.')
  if (functions.size >= MOST_FUNCTIONS) functions.delete(functions.keys().next().value as string)
  functions.set(source, fn)
  return fn
}

/** Strict, as the module was that it comes from. Undefined when it is no expression: a method (`{ resize(image) {} }.resize`) is one only inside of an object. */
function evaluate(expression: string): AnyFunction | undefined {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval -- the application's own function, sent by it
    const make = new Function(`'use strict'; ${helpers} return ${expression}`) as () => AnyFunction
    return make()
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function load(module: string, name: string): Promise<AnyFunction> {
  const loaded = await importModule(module)
  const fn = loaded[name]
  if (typeof fn !== 'function') throw new NotRunnable(`The module has no function \`${name}\`.`)
  return fn as AnyFunction
}

async function importModule(module: string): Promise<Record<string, unknown>> {
  try {
    return (await import(module)) as Record<string, unknown>
  } catch (error) {
    throw new NotRunnable(`The module could not be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** What `Piscina.move` marked is moved. Of a function that has nothing outside of itself all bytes are its own: they are moved too. */
function answer(result: unknown, isSource: boolean): OffloadAnswer | object {
  if (isMarked(result)) return move(result[valueSymbol], result[transferableSymbol])
  if (!isSource) return { result }
  if (result instanceof ArrayBuffer) return move(result, result)
  if (!ArrayBuffer.isView(result)) return { result }
  const { buffer, byteLength } = result
  // A small Buffer lies in a pool with others.
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  return isWhole ? move(result, buffer) : { result }
}

interface Marked {
  readonly [transferableSymbol]: object
  readonly [valueSymbol]: unknown
}

function isMarked(value: unknown): value is Marked {
  return typeof value === 'object' && value !== null && transferableSymbol in value && valueSymbol in value
}

function move(result: unknown, list: object): object {
  return markMoved({ [transferableSymbol]: list, [valueSymbol]: { result } })
}

function describeError(error: unknown, isSource: boolean): SentError {
  if (error instanceof NotRunnable) return { kind: 'function', ...describe(error) }
  if (!(error instanceof Error)) {
    return { kind: 'not-error', name: '', message: '', stack: undefined, properties: keepSendable({ value: error }) }
  }
  const free = /^(\S+) is not defined$/.exec(error.message)?.[1]
  const isFree = isSource && error instanceof ReferenceError && free !== undefined
  return isFree ? { ...describe(error), kind: 'free-variable', name: free } : { kind: 'thrown', ...describe(error) }
}

function describe(error: Error): Omit<SentError, 'kind'> {
  const { name, message, stack, ...own } = Object.fromEntries(
    ['name', 'message', 'stack', ...Object.getOwnPropertyNames(error)].map((key) => [
      key,
      Reflect.get(error, key) as unknown,
    ]),
  )
  return {
    name: String(name),
    message: String(message),
    stack: stack as string | undefined,
    properties: keepSendable(own),
  }
}

function keepSendable(properties: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => isSendable(value)))
}

function isSendable(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
