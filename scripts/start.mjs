// `npm start`: builds what changed, then runs the box office under `holdfast dev`.
import { fileURLToPath } from 'node:url'
import { buildAll } from './build.mjs'

await buildAll()
const { runMain } = await import(new URL('../dist/cli/main.js', import.meta.url).href)
const app = fileURLToPath(new URL('../example/dist/start.js', import.meta.url))
await runMain(['dev', '--', process.execPath, '--enable-source-maps', app, ...process.argv.slice(2)])
