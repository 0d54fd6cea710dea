import { coreErrors, type ErrorTable } from '../core/index.js'
import { clashErrors } from '../clash/index.js'
import { doctorErrors } from '../doctor/index.js'
import { embeddedErrors } from '../embedded/index.js'
import { httpErrors } from '../http/index.js'
import { holdsErrors } from '../holds/index.js'
import { idempotencyErrors } from '../idempotency/index.js'
import { jobsErrors } from '../jobs/index.js'
import { locksErrors } from '../locks/index.js'
import { overloadErrors } from '../overload/index.js'
import { sagasErrors } from '../sagas/index.js'
import { watchErrors } from '../watch/index.js'
import { proveErrors } from '../prove/index.js'
import { cliErrors } from './errors.js'

/** Every module's table, in the order of the docs. `docs/errors.md` and `holdfast errors` are made from it. */
export const errorModules: readonly { module: string; table: ErrorTable }[] = [
  { module: 'core', table: coreErrors },
  { module: 'embedded', table: embeddedErrors },
  { module: 'jobs', table: jobsErrors },
  { module: 'idempotency', table: idempotencyErrors },
  { module: 'locks', table: locksErrors },
  { module: 'holds', table: holdsErrors },
  { module: 'sagas', table: sagasErrors },
  { module: 'overload', table: overloadErrors },
  { module: 'watch', table: watchErrors },
  { module: 'clash', table: clashErrors },
  { module: 'doctor', table: doctorErrors },
  { module: 'http', table: httpErrors },
  { module: 'prove', table: proveErrors },
  { module: 'cli', table: cliErrors },
]
