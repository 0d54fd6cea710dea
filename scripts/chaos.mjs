// `npm run chaos -- <module>`: builds what changed, then breaks things on purpose and checks the invariants.
import { buildAll } from './build.mjs'

await buildAll()
const { runChaos } = await import(new URL('../test/chaos/dist/main.js', import.meta.url).href)
process.exitCode = await runChaos(process.argv.slice(2))
