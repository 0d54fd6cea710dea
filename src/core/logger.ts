import type { Logger } from './types.js'

/** Warnings and errors as JSON lines on stderr: what happens when nobody passed a logger must not be lost. */
export const stderrLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
}

function write(level: string, fields: object, message: string): void {
  const time = new Date().toISOString()
  process.stderr.write(`${JSON.stringify({ level, time, ...fields, message }, describeError)}\n`)
}

/** Errors have no enumerable fields; code and message are what a reader needs, and no parameter is among them. */
function describeError(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value
  return { code: 'code' in value ? value.code : undefined, message: value.message }
}
