import { makeRequestId } from '../core/early.js'

const acceptable = /^[\x21-\x7e]{1,128}$/

/** The caller's id when it is harmless to log and to send back, else a new one: a line break in it would forge log lines. */
export function readRequestId(header: string | readonly string[] | null | undefined): string {
  return typeof header === 'string' && acceptable.test(header) ? header : makeRequestId()
}
