import { createAdmission } from 'holdfast/overload'
import { openApp } from '../contests/async/overload-app.js'
import type { Subject } from '../harness/types.js'

/** With its defaults. */
const subject: Subject = {
  open: async (url) => {
    const admission = createAdmission()
    const work = await openApp(url, async (app) => {
      await app.register(admission.fastify())
    })
    if (process.env['OVERLOAD_DEBUG'])
      setInterval(() => process.stderr.write(`${JSON.stringify(admission.stats())}\n`), 1_000).unref()
    return work
  },
}

export default subject
