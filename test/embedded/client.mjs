// A client in a process of its own, for tests that kill it. Says one line of JSON when it has started or failed; `stop`
// on stdin makes it leave. It ends when its stdin does, so that a killed test run leaves nothing behind.
import { once } from 'node:events'

const { startEmbedded } = await import(new URL('../../dist/embedded/index.js', import.meta.url).href)

/** @param {object} message */
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

const { startAt, module, ...options } = JSON.parse(process.argv[2] ?? '{}')
const start = module ? (await import(module)).startEmbedded : startEmbedded
// Spinning, not sleeping: two processes have to begin at the very same instant.
while (startAt && Date.now() < startAt);

process.stdin.on('end', () => process.exit(0))
process.stdin.resume()
try {
  const begun = performance.now()
  const { stop, ...server } = await start(options)
  say({ ok: true, ms: performance.now() - begun, ...server })
  await once(process.stdin, 'data')
  await stop()
  say({ ok: true, stopped: true })
  process.exit(0)
} catch (error) {
  const { code, message, fix, exitCode } = /** @type {any} */ (error)
  say({ ok: false, code, message, fix, exitCode })
  process.exit(exitCode ?? 1)
}
