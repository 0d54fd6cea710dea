// Native functions that take as long as what they are given is large. While one runs nobody can look which it is.

import { currentRequest, type RequestContext } from '../../core/early.js'
import { noteCall } from './slow-calls.js'

type Parse = typeof JSON.parse
type Stringify = (value: unknown, replacer?: never, space?: string | number) => string
type Clone = typeof structuredClone

type ParsedListener = (value: unknown, request: RequestContext) => void

/** More than one where a process watches twice: by its own line and by `--import holdfast/register`. */
const hearing = new Set<ParsedListener>()

/** Is told what requests parse: their bodies, most of the time. For a stretch of time. */
export function hearParsed(listener: ParsedListener): () => void {
  hearing.add(listener)
  return () => void hearing.delete(listener)
}

function tellParsed(value: unknown): void {
  const request = currentRequest()
  if (request !== undefined) for (const hear of hearing) hear(value, request)
}

let users = 0
let restoreAll = (): void => {}

/** Reads the line of `JSON.parse`, `JSON.stringify` and `structuredClone` where they take 10 ms and more. Costs some 0.1 µs a call. */
export function timeNativeCalls(): () => void {
  if (users++ === 0) restoreAll = install()
  return () => {
    if (--users === 0) restoreAll()
  }
}

function install(): () => void {
  const { parse, stringify } = JSON
  const clone = structuredClone
  // With all their parameters: to hand them on as a list would cost more than the rest.
  const timedParse: Parse = like(parse, (text, reviver) => {
    const from = performance.now()
    const value: unknown = parse(text, reviver)
    noteCall('JSON.parse', from, performance.now())
    if (hearing.size > 0) tellParsed(value)
    return value
  })
  const timedStringify: Stringify = like(stringify, (value: unknown, replacer?: never, space?: string | number) => {
    const from = performance.now()
    const text = stringify(value, replacer, space)
    noteCall('JSON.stringify', from, performance.now())
    return text
  })
  const timedClone = like(clone, ((...args: Parameters<Clone>) => {
    const from = performance.now()
    const copy: unknown = clone(...args)
    noteCall('structuredClone', from, performance.now())
    return copy
  }) as Clone)
  JSON.parse = timedParse
  JSON.stringify = timedStringify as typeof JSON.stringify
  globalThis.structuredClone = timedClone
  return () => {
    if (JSON.parse === timedParse) JSON.parse = parse
    if (JSON.stringify === timedStringify) JSON.stringify = stringify
    if (globalThis.structuredClone === timedClone) globalThis.structuredClone = clone
  }
}

/** Its name and its length are those of the other. */
function like<Function_ extends object>(original: object, made: Function_): Function_ {
  return Object.defineProperties(made, Object.getOwnPropertyDescriptors(original))
}
