import { runInRequest, watchOutbound, type RequestContext, type RequestInit } from '../core/early.js'
import type { RequestSink } from './process-watch.js'

export interface Requests {
  run<T>(init: RequestInit, body: (context: RequestContext) => Promise<T>): Promise<T>
  hear(sink: RequestSink): () => void
}

/** Requests of an application that has no `Db` to run them in. */
export function createRequests(): Requests {
  const sinks = new Set<RequestSink>()
  return {
    async run(init, body) {
      return await runInRequest(init, body, (context, ms) => {
        for (const sink of sinks) sink(context, ms)
      })
    },
    hear(sink) {
      sinks.add(sink)
      const leave = watchOutbound()
      return () => {
        sinks.delete(sink)
        leave()
      }
    },
  }
}
