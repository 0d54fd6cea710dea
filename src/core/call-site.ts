import { fileURLToPath } from 'node:url'

/** Frames kept: enough to get out of our own files and a query builder into the caller's. */
const FRAMES = 10
const ownFolder = fileURLToPath(new URL('.', import.meta.url))

/** Where something was asked for. Taking it is cheap; its text is made only when it is read. */
export interface CallSite {
  /** `buyTicket (src/orders/service.ts:41:20)`, or `unknown`. */
  describe(): string
}

/**
 * Notes the calling line. Only the frames are collected here (about a microsecond); formatting them costs five times
 * that and waits for somebody who wants to read them.
 */
export function captureCallSite(): CallSite {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, captureCallSite)
  Error.stackTraceLimit = limit
  return { describe: () => findForeignFrame(holder.stack ?? '') }
}

/** The first line that is neither core's, nor Node's, nor of a package. */
function findForeignFrame(stack: string): string {
  const frames = stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .map((line) => line.slice(3).replace('file://', ''))
  const foreign = frames.find((frame) => !/node:|node_modules/.test(frame) && !frame.includes(ownFolder))
  return shorten(foreign ?? frames[0] ?? 'unknown')
}

/** Paths relative to where the process runs: nobody wants to read a home folder twice in a line. */
function shorten(frame: string): string {
  return frame.replaceAll(`${process.cwd()}/`, '').replace(/^async /, '')
}
