// A caller in a process of its own, to be killed. It says what it was answered; it ends when its parent does.
const { connectTo } = await import(new URL('../../dist/core/index.js', import.meta.url).href)
const { createIdempotency } = await import(new URL('../../dist/idempotency/index.js', import.meta.url).href)

const { url, key, n, keys = [], stopsBeforeAnswer, stopsAfterCommit } = JSON.parse(process.argv[2] ?? '{}')
process.on('disconnect', () => process.exit(1))
const never = new Promise(() => {})

const db = await connectTo({ url, heartbeatMs: 600_000 })
const idempotency = createIdempotency(db)

/** @param {string} key @param {number} n */
const call = async (key, n) =>
  await idempotency.run({ scope: 'crash', key }, async (/** @type {any} */ tx) => {
    await tx.query('insert into effects values ($1, $2)', [key, n])
    if (stopsBeforeAnswer) {
      process.send?.({ key })
      await never
    }
    return n
  })

if (key) {
  await call(key, n)
  if (stopsAfterCommit) process.send?.({ key })
  await never
}
// From the other end than the parent, so that they meet.
for (const [at, each] of [...keys.entries()].toReversed()) {
  const { value } = await call(each, 10_000 + at)
  process.send?.({ key: each, value })
}
await never
