import { readJson } from 'holdfast/http'
import { z } from 'zod'
import { BoxError } from './errors.js'

/** The largest body that any route takes. A buyer's longest order is far below it. */
export const maxBodyBytes = 64 * 1024

/** Ids are bigint in the database and strings here: a JSON number loses digits above 2^53. */
export const idSchema = z.string().regex(/^[1-9]\d{0,17}$/, 'must be an id')

export function validationFailed(error: z.ZodError): BoxError {
  const fields = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }))
  return new BoxError({
    code: 'BOX_VALIDATION',
    status: 422,
    message: `The request has ${fields.length} invalid ${fields.length === 1 ? 'field' : 'fields'}.`,
    fix: 'Correct the fields listed in `fields` and send the request again.',
    fields,
  })
}

/** Checks path or query values. @throws BOX_VALIDATION with the path of each wrong field. */
export function validate<Schema extends z.ZodType>(schema: Schema, input: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(input)
  if (!parsed.success) throw validationFailed(parsed.error)
  return parsed.data
}

/** Reads and checks a JSON body. @throws BOX_VALIDATION, and holdfast's 400, 413, 415 for a body that is no such thing. */
export async function validateBody<Schema extends z.ZodType>(
  schema: Schema,
  request: Request,
): Promise<z.infer<Schema>> {
  return validate(schema, await readJson(request, { maxBytes: maxBodyBytes }))
}
