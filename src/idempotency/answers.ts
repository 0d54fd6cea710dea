import { idempotencyError } from './errors.js'
import type { Answer } from './store.js'

/** Of one connection, or of one person's browser: nothing that another request may be given. */
const NOT_KEPT = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'set-cookie',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const WITHOUT_BODY = new Set([101, 204, 205, 304])
const REPLAYED = 'idempotency-replayed'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws HF_IDEMPOTENCY_ANSWER_INVALID, HF_IDEMPOTENCY_ANSWER_TOO_LARGE */
export function encodeValue(scope: string, value: unknown, maxBytes: number): Answer {
  const body = toJson(scope, value) ?? null
  checkSize(scope, body === null ? 0 : Buffer.byteLength(body), maxBytes)
  return { status: null, headers: null, body, isBase64: false }
}

export function decodeValue({ body }: Answer): unknown {
  return body === null ? undefined : JSON.parse(body)
}

/** Reads a response to its end; gives what is stored, and one to answer with now. @throws HF_IDEMPOTENCY_ANSWER_TOO_LARGE */
export async function encodeResponse(
  scope: string,
  read: Response,
  maxBytes: number,
): Promise<{ answer: Answer; response: Response }> {
  const bytes = Buffer.from(await read.arrayBuffer())
  checkSize(scope, bytes.length, maxBytes)
  const { status, statusText } = read
  const headers = [...read.headers].filter(([name]) => !NOT_KEPT.has(name))
  const text = decodeText(bytes)
  const answer = { status, headers, body: text ?? bytes.toString('base64'), isBase64: text === undefined }
  return { answer, response: new Response(toBody(status, bytes), { status, statusText, headers: read.headers }) }
}

export function decodeResponse({ status, headers, body, isBase64 }: Answer): Response {
  const code = status ?? 200
  const bytes = Buffer.from(body ?? '', isBase64 ? 'base64' : 'utf8')
  const response = new Response(toBody(code, bytes), { status: code, headers: headers ?? [] })
  response.headers.set(REPLAYED, 'true')
  return response
}

const toBody = (status: number, bytes: Buffer): Uint8Array<ArrayBuffer> | null =>
  WITHOUT_BODY.has(status) ? null : (bytes as Uint8Array<ArrayBuffer>)

/** Undefined: not text that the database can hold as such. */
function decodeText(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

function toJson(scope: string, value: unknown): string | undefined {
  try {
    if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`A ${typeof value} is not JSON.`)
    return JSON.stringify(value)
  } catch (cause) {
    const message = `What ${scope} answered cannot be written as JSON: it is ${typeof value}, or holds what JSON has no word for.`
    throw idempotencyError('HF_IDEMPOTENCY_ANSWER_INVALID', message, { cause })
  }
}

function checkSize(scope: string, bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return
  const message = `The answer of ${scope} has ${bytes} bytes, and at most ${maxBytes} are stored.`
  throw idempotencyError('HF_IDEMPOTENCY_ANSWER_TOO_LARGE', message, { details: { bytes, maxBytes } })
}
