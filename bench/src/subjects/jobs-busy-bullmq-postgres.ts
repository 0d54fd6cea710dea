import type { Subject } from '../harness/types.js'
import { openPostgresBackend } from './bullmq.js'
import { openBusy } from './jobs-busy-bullmq.js'

const subject: Subject = { open: async (url) => await openBusy(await openPostgresBackend(url)) }

export default subject
