// `npm run bench -- <contest>`: builds what changed, then runs the contest.
import { buildAll } from './build.mjs'

await buildAll()
const { runBench } = await import(new URL('../bench/dist/main.js', import.meta.url).href)
process.exitCode = await runBench(process.argv.slice(2))
