import { createAdvisory } from './advisory-locks.js'

/** Begun and locked in one round trip, which a text without parameters can do. */
export default createAdvisory(async (client, key) => {
  await client.query(`begin; select pg_advisory_xact_lock(hashtextextended(${client.escapeLiteral(key)}, 0))`)
})
