import { HoldfastError } from 'holdfast'
import { idempotencyErrors } from 'holdfast/idempotency'

/** The header's value, bare or quoted as the IETF draft wants it. Undefined: there is none. */
export function findIdempotencyKey(request: Request): string | undefined {
  const value = request.headers.get('idempotency-key')?.trim() ?? ''
  const quoted = /^"(.*)"$/.exec(value)?.[1]
  const key = quoted?.replaceAll(/\\(["\\])/g, '$1') ?? value
  return key === '' ? undefined : key
}

/** The key of a request that must have one: without it a repeated request would be a second one. @throws HF_IDEMPOTENCY_KEY_MISSING */
export function readIdempotencyKey(request: Request): string {
  const key = findIdempotencyKey(request)
  if (key !== undefined) return key
  const code = 'HF_IDEMPOTENCY_KEY_MISSING'
  throw new HoldfastError(code, idempotencyErrors[code], 'The request has no header Idempotency-Key.')
}
