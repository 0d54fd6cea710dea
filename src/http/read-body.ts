import { httpError } from './errors.js'

export interface ReadBodyOptions {
  /** A larger body is refused before it is read, or as soon as it shows. Default: 1 048 576 bytes. */
  maxBytes?: number
  /** The whole body must have arrived after this long. 0 sets no limit. Default: 10 000 ms. */
  deadlineMs?: number
}

/**
 * Reads and parses a JSON body within limits.
 * @throws HF_HTTP_BODY_TYPE, HF_HTTP_BODY_TOO_LARGE, HF_HTTP_BODY_SLOW, HF_HTTP_BODY_MALFORMED
 */
export async function readJson(request: Request, options: ReadBodyOptions = {}): Promise<unknown> {
  checkType(request, (type) => type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type))
  return parseJson(await readText(request, options))
}

/** Reads a form or a JSON object as text fields; used by the login. @throws as readJson */
export async function readFields(request: Request, options: ReadBodyOptions = {}): Promise<Map<string, string>> {
  const type = checkType(request, (name) => name === 'application/json' || name === formType)
  const text = await readText(request, options)
  if (type === formType) return new Map(new URLSearchParams(text))
  const body = parseJson(text)
  const entries = typeof body === 'object' && body !== null ? Object.entries(body) : []
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

const formType = 'application/x-www-form-urlencoded'

function checkType(request: Request, accepts: (type: string) => boolean): string {
  const [type = '', ...parameters] = (request.headers.get('content-type') ?? '').toLowerCase().split(';')
  if (!accepts(type.trim())) throw httpError('HF_HTTP_BODY_TYPE', 'The Content-Type is missing or not one read here.')
  const charset = parameters.map((part) => part.trim()).find((part) => part.startsWith('charset='))
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw httpError('HF_HTTP_BODY_TYPE', 'The charset is not UTF-8.')
  }
  const encoding = request.headers.get('content-encoding')
  // Not unpacked: a few kilobytes can unfold into gigabytes.
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw httpError('HF_HTTP_BODY_TYPE', 'The body is compressed.')
  }
  return type.trim()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Without the parser's message, which quotes the body.
    throw httpError('HF_HTTP_BODY_MALFORMED', `The body of ${text.length} characters is not valid JSON.`)
  }
}

async function readText(request: Request, options: ReadBodyOptions): Promise<string> {
  const { maxBytes = 1_048_576, deadlineMs = 10_000 } = options
  const announced = Number(request.headers.get('content-length') ?? 0)
  if (announced > maxBytes) throw tooLarge(maxBytes, `announces ${announced} bytes`)
  if (request.body === null) return ''
  const reader = (request.body as ReadableStream<Uint8Array>).getReader()
  const deadline = startDeadline(deadlineMs)
  try {
    return decode(await collect(reader, maxBytes, deadline.expired))
  } catch (error) {
    // Tells the sender to stop; the answer must not wait for a sender that may never do so.
    reader.cancel().catch(() => undefined)
    throw error
  } finally {
    deadline.stop()
  }
}

async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
  expired: Promise<never>,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), expired])
    if (done) return Buffer.concat(chunks, size)
    size += value.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes, `sent ${size} bytes before it was stopped`)
    chunks.push(value)
  }
}

function startDeadline(deadlineMs: number): { expired: Promise<never>; stop: () => void } {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    if (deadlineMs === 0) return
    timer = setTimeout(() => {
      reject(httpError('HF_HTTP_BODY_SLOW', `The body was not complete after ${deadlineMs} ms.`))
    }, deadlineMs)
  })
  // Nobody may be waiting when it expires between two reads.
  expired.catch(() => undefined)
  return { expired, stop: () => clearTimeout(timer) }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw httpError('HF_HTTP_BODY_MALFORMED', `The body of ${bytes.length} bytes is not valid UTF-8.`)
  }
}

function tooLarge(maxBytes: number, what: string) {
  return httpError('HF_HTTP_BODY_TOO_LARGE', `The body ${what}; ${maxBytes} are allowed.`)
}
