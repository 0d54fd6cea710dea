// A process of one release under small continuous traffic, for tests that run two releases side by side. It speaks over
// IPC: `ready` or `refused` first, `report` when asked, `stopped` at its end; it ends when its parent does.
const { connectTo } = await import(new URL('../../dist/core/index.js', import.meta.url).href)

/** @type {any} */
const plan = await new Promise((resolve) => process.once('message', resolve))
const { url, release, column, heartbeatMs } = plan
const counts = { done: 0, failed: 0, errors: /** @type {string[]} */ ([]), logged: /** @type {string[]} */ ([]) }
const ignore = () => {}
const note = (/** @type {any} */ fields) => void counts.logged.push(fields.err?.code ?? 'none')
let isStopped = false

/** @param {any} db */
async function serve(db) {
  while (!isStopped && column !== '') {
    try {
      await db.tx(async (/** @type {any} */ tx) => {
        const text = `insert into holdfast.demo_boxes (${column}) values ($1) returning id`
        const { rows } = await tx.query(text, [`box ${counts.done}`])
        await tx.query(`select ${column} from holdfast.demo_boxes where id = $1`, [rows[0].id])
      })
      counts.done++
    } catch (error) {
      counts.failed++
      counts.errors.push(String(error))
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

process.on('disconnect', () => process.exit(1))
try {
  const logger = { debug: ignore, info: ignore, warn: note, error: note }
  const db = await connectTo({ url, heartbeatMs, logger, pool: { max: 2 } }, { release })
  const serving = serve(db)
  const report = () => ({ ...counts, schema: db.schema })
  process.on('message', (/** @type {string} */ message) => {
    if (message === 'report') process.send?.({ kind: 'report', ...report() })
    else void stop()
  })
  const stop = async () => {
    isStopped = true
    await serving
    await db.close()
    process.send?.({ kind: 'stopped', ...report() }, () => process.exit(0))
  }
  process.send?.({ kind: 'ready', ...report() })
} catch (error) {
  const { code, message } = /** @type {any} */ (error)
  process.send?.({ kind: 'refused', code, message }, () => process.exit(0))
}
