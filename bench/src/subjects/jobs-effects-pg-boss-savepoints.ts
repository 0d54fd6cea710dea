import type { Subject } from '../harness/types.js'
import { openBoss } from './jobs-effects-pg-boss.js'

const subject: Subject = { open: async (url) => await openBoss(url, { hasSavepoints: true }) }

export default subject
