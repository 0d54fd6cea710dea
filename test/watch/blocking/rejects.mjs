// @ts-nocheck
// Ends by a promise that nobody awaits, inside of a request.
import { setTimeout as sleep } from 'node:timers/promises'

// Not by name: what is built is not to be type-checked.
const load = async (name) => await import(new URL(`../../../dist/${name}`, import.meta.url).href)
const { runInRequest } = await load('core/early.js')
const { stderrLogger } = await load('core/logger.js')
const { Rejections } = await load('watch/blocking/rejections.js')

const rejections = new Rejections(() => {}, stderrLogger)

async function notify() {
  await sleep(5)
  throw new Error('of a customer')
}

const body = async () => {
  void notify()
  await sleep(1_000)
}
await runInRequest({ route: 'POST /orders' }, body, () => {})
rejections.close()
