import { redlockEager } from '../contests/locks/settings.js'
import { createRedlock } from './redis-locks.js'

export default createRedlock(redlockEager)
