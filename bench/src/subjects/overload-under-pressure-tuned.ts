import { openApp } from '../contests/async/overload-app.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

/** As one would set it who knows that the route takes 6 ms: sampled ten times a second, refusing from 18 ms of delay. */
const subject: Subject = {
  open: async (url) => {
    const { default: underPressure } = await loadPeer<{ default: unknown }>('@fastify/under-pressure')
    return await openApp(url, async (app) => {
      await app.register(underPressure, { sampleInterval: 100, maxEventLoopDelay: 18, maxEventLoopUtilization: 0.98 })
    })
  },
}

export default subject
