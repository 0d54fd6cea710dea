import { validateOptions, type StandardSchema } from '../core/index.js'
import { sagasError } from './errors.js'
import { sagaDefaults, sagaOptionTable } from './options.js'
import type { SagaDefinition, SagaOptions, Steps, Stored } from './types.js'

/** A definition as the rest of the module sees it. */
export interface AnyDefinition {
  readonly name: string
  readonly version: number
  readonly body: (steps: Steps, input: unknown) => Promise<unknown>
  readonly input: StandardSchema<never, unknown> | undefined
  readonly timeoutMs: number
  readonly keepMs: number
  readonly maxBytes: number
  readonly stallMs: number
  readonly undoesOn: boolean
}

const namePattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,78}[\x21-\x7e])?$/

/** @throws HF_SAGAS_NAME */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && namePattern.test(name)) return
  throw sagasError('HF_SAGAS_NAME', `${what} has 1 to 80 printable ASCII characters for a name.`)
}

/**
 * Describes a saga: steps, and what takes each of them back. Nothing happens before `createSagas`.
 *
 * @example
 * const checkout = defineSaga('checkout', { version: 1 }, async (s, input: { orderId: string }) => {
 *   await s.tx('reserve', { do: (tx) => reserve(tx, input), undo: (tx) => release(tx, input) })
 *   return await s.call('charge', { do: ({ key }) => charge(key, input), undo: ({ doKey }) => refund(doKey) })
 * })
 * @throws HF_SAGAS_NAME, HF_OPTIONS_…
 */
export function defineSaga<Input, Output, Given = Input>(
  name: string,
  options: SagaOptions<Given, Input>,
  body: (steps: Steps, input: Stored<Input>) => Promise<Output>,
): SagaDefinition<Given, Output> {
  checkName('A saga', name)
  validateOptions('defineSaga', options, sagaOptionTable)
  const { version, input, timeoutMs = sagaDefaults.timeoutMs, keepMs = sagaDefaults.keepMs } = options
  const { maxBytes = sagaDefaults.maxBytes, stallMs = sagaDefaults.stallMs, undoesOn = false } = options
  if (!Number.isInteger(version)) throw sagasError('HF_SAGAS_NAME', `The version of saga ${name} is a whole number.`)
  if (typeof body !== 'function') throw sagasError('HF_SAGAS_NAME', `Saga ${name} has no function.`)
  return Object.freeze({ name, version, body, input, timeoutMs, keepMs, maxBytes, stallMs, undoesOn }) as never
}
