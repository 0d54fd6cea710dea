import { redlock } from '../contests/locks/settings.js'
import { createRedlock } from './redis-locks.js'

export default createRedlock(redlock)
