import type { Finding } from '../findings.js'
import type { SeenStatement } from '../observe-query.js'
import type { Statement } from '../parser.js'

/** nginx's number for a client that went away: its request was over before its work was. */
const CLIENT_GONE = 499
/** What holdfast itself tidies up afterwards. */
const OWN = '/* holdfast:'

/** Work that went on when its request had been answered: nobody awaits it, and a failure of it reaches nobody. */
export function describeOutliving(
  { request, text, isFailed }: SeenStatement,
  statement: Statement,
): Finding | undefined {
  if (request === undefined || request.status === CLIENT_GONE || text?.startsWith(OWN) === true) return undefined
  return {
    kind: 'outlived-request',
    severity: isFailed ? 'act' : 'info',
    subject: request.route,
    statement: statement.id,
    route: request.route,
    sentence: isFailed
      ? 'A statement failed after its request had been answered: whoever asked was told that all is well.'
      : 'A statement was still under way when its request had been answered: a process that ends then loses it.',
    evidence: { failed: isFailed },
    fix: 'Await it before the answer, or make it a job of holdfast/jobs in the same transaction.',
    prove: 'holdfast scan src/',
  }
}
