import { currentRequest, type RequestContext } from '../../core/early.js'
import type { Frame } from './beat.js'
import { captureFrames } from './stack.js'

/** A stall is longer. */
const SLOW_MS = 10
const KEPT = 16

/** A call of native code, which lets nobody look before it returns: its line is read when it does. */
export interface SlowCall {
  name: string
  frames: Frame[]
  /** @unit ms of `performance.now()` */
  from: number
  until: number
  request: RequestContext | undefined
}

const kept: SlowCall[] = []

export function noteCall(name: string, from: number, until: number): void {
  if (until - from < SLOW_MS) return
  if (kept.length >= KEPT) kept.shift()
  kept.push({ name, frames: captureFrames(), from, until, request: currentRequest() })
}

/** The call that took most of that time, if it was half of it or more. */
export function findSlowCall(from: number, until: number): SlowCall | undefined {
  const overlap = (call: SlowCall) => Math.min(until, call.until) - Math.max(from, call.from)
  const [longest] = [...kept].sort((a, b) => overlap(b) - overlap(a))
  return longest !== undefined && overlap(longest) >= (until - from) / 2 ? longest : undefined
}
