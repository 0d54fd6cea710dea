import { fitSchema, isStorableJson, type StandardSchema } from '../core/index.js'
import { jobsError } from './errors.js'
import type { AnyDefinition } from './job-run.js'
import { jobDefaults } from './options.js'

/** A payload as JSON text, checked against its schema and its size. @throws HF_JOBS_PAYLOAD_INVALID, HF_JOBS_PAYLOAD_TOO_LARGE */
export async function encodePayload(job: AnyDefinition, payload: unknown): Promise<string> {
  if (job.options.schema) await checkPayload(job.name, job.options.schema, payload)
  return encodeUnchecked(job, payload)
}

/** Many of them, without a promise for each where no schema has to be asked. */
export async function encodePayloads(job: AnyDefinition, payloads: readonly unknown[]): Promise<string[]> {
  const { schema } = job.options
  if (schema) for (const payload of payloads) await checkPayload(job.name, schema, payload)
  return payloads.map((payload) => encodeUnchecked(job, payload))
}

function encodeUnchecked(job: AnyDefinition, payload: unknown): string {
  const { maxBytes = jobDefaults.maxBytes } = job.options
  const text = stringify(job.name, payload)
  // A character is at most three bytes of UTF-8: only texts near the limit are measured.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
    const bytes = Buffer.byteLength(text)
    throw jobsError(
      'HF_JOBS_PAYLOAD_TOO_LARGE',
      `The payload of a job ${job.name} has ${bytes} bytes, the most is ${maxBytes}.`,
      { details: { job: job.name, bytes, maxBytes } },
    )
  }
  return text
}

/**
 * What a run leaves as JSON text; undefined: nothing.
 * @throws HF_JOBS_RESULT_INVALID, HF_JOBS_RESULT_TOO_LARGE
 */
export function encodeKept(
  name: string,
  what: 'result' | 'checkpoint',
  value: unknown,
  maxBytes: number,
): string | undefined {
  if (value === undefined) return undefined
  const text = stringifyKept(name, what, value)
  const bytes = text.length * 3 > maxBytes ? Buffer.byteLength(text) : 0
  if (bytes <= maxBytes) return text
  const message = `The ${what} of a job ${name} has ${bytes} bytes, the most is ${maxBytes}.`
  throw jobsError('HF_JOBS_RESULT_TOO_LARGE', message, { details: { job: name, bytes, maxBytes } })
}

function stringifyKept(name: string, what: string, value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw jobsError('HF_JOBS_RESULT_INVALID', `The ${what} of a job ${name} cannot be JSON.`, { cause })
  }
  if (text === undefined) throw jobsError('HF_JOBS_RESULT_INVALID', `The ${what} of a job ${name} is ${typeof value}.`)
  if (!isStorableJson(text))
    throw jobsError('HF_JOBS_RESULT_INVALID', `The ${what} of a job ${name} holds a character that jsonb cannot store.`)
  return text
}

function stringify(name: string, payload: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(payload)
  } catch (cause) {
    throw jobsError('HF_JOBS_PAYLOAD_INVALID', `The payload of a job ${name} cannot be JSON.`, { cause })
  }
  if (text === undefined)
    throw jobsError('HF_JOBS_PAYLOAD_INVALID', `The payload of a job ${name} is ${typeof payload}.`)
  if (holdsNul(text))
    throw jobsError('HF_JOBS_PAYLOAD_INVALID', `The payload of a job ${name} holds the character U+0000.`)
  return text
}

/** PostgreSQL's jsonb refuses it. A backslash before the escape's own makes it six ordinary characters. */
function holdsNul(json: string): boolean {
  return json.includes('\\u0000') && /(?<!\\)(?:\\\\)*\\u0000/.test(json)
}

/** Gives what the schema makes of it. The message names paths, never values. @throws HF_JOBS_PAYLOAD_INVALID */
export async function checkPayload<Payload>(
  name: string,
  schema: StandardSchema<never, Payload>,
  payload: unknown,
): Promise<Payload> {
  const fitting = await fitSchema(schema, payload)
  if ('value' in fitting) return fitting.value
  const { paths } = fitting
  throw jobsError(
    'HF_JOBS_PAYLOAD_INVALID',
    `The payload of a job ${name} does not fit its schema at ${paths.join(', ')}.`,
    {
      details: { job: name, paths },
    },
  )
}
