import { isHoldfastError, type HoldfastError } from '../core/errors.js'
import { embeddedError, embeddedErrors, type EmbeddedErrorCode } from './errors.js'

/** First and only line from the client to its guardian. After it the pipe says nothing; that it closes is the message. */
export interface GuardianRequest {
  dir: string
  cwd: string
  clientPid: number
  settings: Record<string, string>
  binaries?: string | undefined
  startMs: number
}

/** First and only line from the guardian to its client. */
export type GuardianReply =
  { ok: true; port: number; dataDir: string; shared: boolean; password: string } | { ok: false; error: WireError }

interface WireError {
  code: EmbeddedErrorCode
  message: string
  fix?: string
  details?: Record<string, unknown>
}

export function encodeError(error: unknown): WireError {
  if (isHoldfastError(error) && error.code in embeddedErrors) {
    const { code, message, fix, details } = error
    return { code: code as EmbeddedErrorCode, message, fix, details }
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'HF_EMBEDDED_GUARDIAN', message: `The guardian failed: ${text}`, fix: 'Report this; it is a defect.' }
}

export function decodeError({ code, message, fix, details }: WireError): HoldfastError {
  return embeddedError(code, message, { ...(fix !== undefined && { fix }), ...(details && { details }) })
}
