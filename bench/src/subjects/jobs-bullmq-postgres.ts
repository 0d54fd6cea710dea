import type { Subject } from '../harness/types.js'
import { openPostgresBackend } from './bullmq.js'
import { openBullMq } from './jobs-bullmq.js'

const subject: Subject = { open: async (url) => await openBullMq(await openPostgresBackend(url)) }

export default subject
