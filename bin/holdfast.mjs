#!/usr/bin/env node
// In a published package dist/ is there; in a fresh clone nothing is built yet, so the first call builds it.
import { access } from 'node:fs/promises'

const main = new URL('../dist/cli/main.js', import.meta.url)
const build = new URL('../scripts/build.mjs', import.meta.url)
const isMissing = (/** @type {URL} */ url) =>
  access(url).then(
    () => false,
    () => true,
  )

if (!(await isMissing(build))) await (await import(build.href)).buildAll()
const { runMain } = await import(main.href)
await runMain()
