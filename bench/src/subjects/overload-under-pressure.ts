import { openApp } from '../contests/async/overload-app.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

/** The values of its README, without those for memory, which a process of this size would be over from the start. */
const subject: Subject = {
  open: async (url) => {
    const { default: underPressure } = await loadPeer<{ default: unknown }>('@fastify/under-pressure')
    return await openApp(url, async (app) => {
      await app.register(underPressure, { maxEventLoopDelay: 1_000, maxEventLoopUtilization: 0.98 })
    })
  },
}

export default subject
