import { defineErrors, type ErrorTable } from '../core/index.js'

export const idempotencyErrors = {
  HF_IDEMPOTENCY_KEY_MISSING: {
    summary: 'A request that needs an idempotency key has none.',
    when: 'Thrown before anything is done: without a key a repeated request would be a second one.',
    fix: 'Send a header `Idempotency-Key` with a value that is new for each intent and the same for each retry, such as a UUID.',
    status: 400,
  },
  HF_IDEMPOTENCY_KEY_INVALID: {
    summary: 'A key, a scope or a principal is empty, too long, or not printable.',
    when: 'Keys have 1 to 255 printable ASCII characters, scopes 1 to 200 characters, principals at most 200. Nothing was done.',
    fix: 'Use a UUID as the key, the route as the scope, and the id of a user or a client as the principal.',
    status: 400,
  },
  HF_IDEMPOTENCY_KEY_REUSED: {
    summary: 'A key came a second time with another request.',
    when: 'The first request under this key asked for something else. Nothing was done.',
    fix: 'Use a new key for each new intent; only a retry of the very same request may repeat one.',
    status: 422,
  },
  HF_IDEMPOTENCY_IN_FLIGHT: {
    summary: 'A request with this key is still being handled.',
    when: 'The twin did not end within `waitMs`. Nothing was done; the answer of the twin can be had with the same key.',
    fix: 'Try again with the same key in a second.',
    retryable: true,
    status: 409,
  },
  HF_IDEMPOTENCY_BODY_TOO_LARGE: {
    summary: 'The body of a request is too large to be compared.',
    when: 'It has more bytes than `maxRequestBytes` (default 1 MiB). Nothing was done.',
    fix: 'Send less, or raise `maxRequestBytes`.',
    status: 413,
  },
  HF_IDEMPOTENCY_ANSWER_TOO_LARGE: {
    summary: 'An answer is too large to be stored.',
    when: 'It has more bytes than `maxBytes` (default 256 KiB). The effect was rolled back.',
    fix: 'Answer with an id and let the client fetch the rest, or raise `maxBytes`.',
  },
  HF_IDEMPOTENCY_ANSWER_INVALID: {
    summary: 'What an effect returned cannot be stored as JSON.',
    when: 'It is a function, a cycle or a BigInt. The effect was rolled back.',
    fix: 'Return plain data, or nothing.',
  },
} as const satisfies ErrorTable

export const idempotencyError = defineErrors(idempotencyErrors)
