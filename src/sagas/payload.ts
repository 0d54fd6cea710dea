import { cleanText, HoldfastError, isHoldfastError, isStorableJson } from '../core/index.js'
import { sagasError, sagasErrors } from './errors.js'
import type { SagaError } from './types.js'

/**
 * A value as JSON text; undefined for none. `what` stands in the messages, never the value.
 * @throws HF_SAGAS_RESULT_INVALID or HF_SAGAS_INPUT_INVALID, HF_SAGAS_TOO_LARGE
 */
export function encode(
  value: unknown,
  what: string,
  maxBytes: number,
  code: 'HF_SAGAS_RESULT_INVALID' | 'HF_SAGAS_INPUT_INVALID' = 'HF_SAGAS_RESULT_INVALID',
): string | undefined {
  if (value === undefined) return undefined
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw sagasError(code, `${what} cannot be JSON.`, { cause })
  }
  if (text === undefined) throw sagasError(code, `${what} is a ${typeof value}, which JSON has no word for.`)
  if (!isStorableJson(text)) throw sagasError(code, `${what} holds a character that jsonb cannot store.`)
  // A character is at most three bytes of UTF-8: only texts near the limit are measured.
  const bytes = text.length * 3 > maxBytes ? Buffer.byteLength(text) : 0
  if (bytes > maxBytes)
    throw sagasError('HF_SAGAS_TOO_LARGE', `${what} has ${bytes} bytes, the most is ${maxBytes}.`, {
      details: { bytes, maxBytes },
    })
  return text
}

/** What a step gives is the same whether it has just run or is read back: always what JSON made of it. */
export const decode = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))

/** What is kept of an error: name or code, and message, never its other properties, which may hold payloads. */
export function describeError(error: unknown, step?: string): SagaError {
  const known =
    error instanceof Error || isHoldfastError(error)
      ? error
      : sagasError('HF_SAGAS_STEP_THREW', `A value of type ${error === null ? 'null' : typeof error} was thrown.`)
  const name = 'code' in known && typeof known.code === 'string' ? known.code : known.name
  const message = cleanText(known.message)
  return step === undefined ? { name, message } : { name, message, step }
}

/**
 * An error as the function of a saga gets it: made of what is kept, the first time as well. One that it could tell apart by
 * its class before a crash and not after it would take another way then.
 */
export function reviveError({ name, message }: SagaError): Error {
  if (Object.hasOwn(sagasErrors, name)) return sagasError(name as keyof typeof sagasErrors, message)
  if (name.startsWith('HF_')) {
    const entry = { summary: message, when: 'Thrown by a step of a saga.', fix: 'See the page of this error.' }
    return new HoldfastError(name, entry, message)
  }
  return Object.assign(new Error(message), { name, code: name })
}
