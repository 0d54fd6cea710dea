import { validateOptions } from '../core/index.js'
import { jobsError } from './errors.js'
import { jobOptionTable } from './options.js'
import type { AtLeastOnceOptions, BatchOptions, JobDefinition, JobOptions, TransactionOptions } from './types.js'

/**
 * Describes a kind of job: its name, its payload and what runs it. Nothing happens before `createJobs`.
 *
 * @example
 * const mail = defineJob('mail', { handler: async ({ payload }: Job<{ to: string }>) => await send(payload.to) })
 * @throws HF_JOBS_NAME, HF_OPTIONS_…
 */
export function defineJob<Payload, Input = Payload>(
  name: string,
  options: AtLeastOnceOptions<Input, Payload>,
): JobDefinition<Input>
export function defineJob<Payload, Input = Payload>(
  name: string,
  options: TransactionOptions<Input, Payload>,
): JobDefinition<Input>
export function defineJob<Payload, Input = Payload>(
  name: string,
  options: BatchOptions<Input, Payload>,
): JobDefinition<Input>
export function defineJob<Payload, Input>(name: string, options: JobOptions<Input, Payload>): JobDefinition<Input> {
  if (typeof name !== 'string' || name.length === 0 || name.length > 100)
    throw jobsError('HF_JOBS_NAME', 'A job name has 1 to 100 characters.')
  validateOptions('defineJob', options, jobOptionTable)
  return Object.freeze({ name, options: Object.freeze({ ...options }) })
}
