import { createAdvisory } from './advisory-locks.js'

/** As it is written everywhere: BEGIN, the lock, COMMIT. */
export default createAdvisory(async (client, key) => {
  await client.query('begin')
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [key])
})
