/** @module What the gate in the application and the controller beside it tell each other: one JSON document a line, over loopback. */

import type { Clash } from '../../watch/index.js'
import type { FixName } from '../fix/types.js'

/** Names the side that a request of a replay is. */
export const sideHeader = 'x-holdfast-clash'

export type FromAgent =
  | { type: 'hello'; token: string }
  | { type: 'listening'; port: number }
  | { type: 'arrive'; side: string; statement: number; text: string; holdsCommit: boolean }
  | { type: 'pid'; statement: number; pid: number }
  | { type: 'leave'; statement: number; code: string | undefined }
  /** A fix has been made, and requests that name it are changed by it; or it cannot be. */
  | { type: 'ready'; fix: number; isMade: boolean }

export type ToAgent =
  { type: 'pass' | 'refuse'; statement: number } | { type: 'fix'; fix: number; clash: Clash; name: FixName }

/** `7;serializable;fix=2`: the id of a side, and how its statements are to be changed. */
export interface SideMark {
  id: string
  isSerializable: boolean
  fix: number | undefined
}

export const writeMark = ({ id, isSerializable, fix }: SideMark): string =>
  [id, ...(isSerializable ? ['serializable'] : []), ...(fix === undefined ? [] : [`fix=${fix}`])].join(';')

export function readMark(header: string): SideMark {
  const [id = '', ...words] = header.split(';')
  const fix = words.find((word) => word.startsWith('fix='))
  return {
    id,
    isSerializable: words.includes('serializable'),
    fix: fix === undefined ? undefined : Number(fix.slice(4)),
  }
}

/** Gives each whole line of a stream of text. */
export function splitLines(take: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}
