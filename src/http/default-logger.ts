import type { Logger } from '../core/index.js'

/** Warnings and errors as JSON lines on stderr, the rest nowhere. */
export const defaultLogger: Logger = {
  debug() {},
  info() {},
  warn: (fields, message) => console.error(JSON.stringify({ level: 'warn', message, ...fields })),
  error: (fields, message) => console.error(JSON.stringify({ level: 'error', message, ...fields })),
}
