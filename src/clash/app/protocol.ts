/** @module What the gate in the application and the controller beside it tell each other: one JSON document a line, over loopback. */

/** Names the side that a request of a replay is. */
export const sideHeader = 'x-holdfast-clash'

export type FromAgent =
  | { type: 'hello'; token: string }
  | { type: 'listening'; port: number }
  | { type: 'arrive'; side: string; statement: number; text: string; holdsCommit: boolean }
  | { type: 'pid'; statement: number; pid: number }
  | { type: 'leave'; statement: number; code: string | undefined }

export interface ToAgent {
  type: 'pass' | 'refuse'
  statement: number
}

/** What follows the id in the header: the request's transactions are to begin so. */
export const serializableMark = ';serializable'

/** Gives each whole line of a stream of text. */
export function splitLines(take: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}
