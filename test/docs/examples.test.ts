import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { findRedis, startRedis, type RedisServer } from '../chaos/redis.js'

// Every ```ts block of the docs runs, each on its own, with `assert` at hand and DATABASE_URL pointing at a database;
// ```ts redis with REDIS_URL too, where there is a redis-server.
const folder = fileURLToPath(new URL('../../docs', import.meta.url))
const pages = (await readdir(folder)).filter((name) => name.endsWith('.md')).toSorted()
const blocks = await Promise.all(
  pages.map(async (page) => {
    const text = await readFile(join(folder, page), 'utf8')
    return [...text.matchAll(/^```ts( redis)?\n([\s\S]*?)^```$/gm)].map((match, index) => ({
      page,
      index: index + 1,
      needsRedis: match[1] !== undefined,
      code: match[2] ?? '',
    }))
  }),
)

let box: TestDatabase
let redis: RedisServer | undefined
let before: string | undefined
const hasRedis = (await findRedis()) !== undefined
beforeAll(async () => {
  box = await openTestDatabase()
  // Experiments work in schemas of their own.
  await runAdmin(box.ownerUrl, `grant create on database ${new URL(box.url).pathname.slice(1)} to ${box.role}`)
  before = process.env['DATABASE_URL']
  process.env['DATABASE_URL'] = box.url
  redis = hasRedis ? await startRedis() : undefined
  if (redis) process.env['REDIS_URL'] = `redis://127.0.0.1:${redis.port}`
})
afterAll(async () => {
  if (before === undefined) delete process.env['DATABASE_URL']
  else process.env['DATABASE_URL'] = before
  delete process.env['REDIS_URL']
  await redis?.close()
  await box.close()
})

/** What a block may import: our own faces from source, and Node's modules. */
async function loadModule(name: string): Promise<object> {
  if (name === 'holdfast') return await import('../../src/index.js')
  if (name === 'holdfast/prove') return await import('../../src/prove/index.js')
  if (name === 'holdfast/locks') return await import('../../src/locks/index.js')
  if (name === 'holdfast/holds') return await import('../../src/holds/index.js')
  if (name === 'holdfast/idempotency') return await import('../../src/idempotency/index.js')
  if (name === 'holdfast/jobs') return await import('../../src/jobs/index.js')
  if (name === 'holdfast/overload') return await import('../../src/overload/index.js')
  if (name === 'holdfast/sagas') return await import('../../src/sagas/index.js')
  if (name === 'holdfast/watch') return await import('../../src/watch/index.js')
  if (name === 'holdfast/clash') return await import('../../src/clash/index.js')
  if (name === 'holdfast/doctor') return await import('../../src/doctor/index.js')
  if (name === 'holdfast/http') return await import('../../src/http/index.js')
  if (name === 'holdfast/embedded') return await import('../../src/embedded/index.js')
  return (await import(/* @vite-ignore */ name)) as object
}

async function runBlock(code: string): Promise<void> {
  const imports = /^import (type )?(\{[^}]*\}|\* as \w+|\w+) from '([^']+)'$/gm
  const body = code.replaceAll(imports, (_all, type: string | undefined, names: string, from: string) =>
    type ? '' : `const ${names.startsWith('{') ? names : `{ default: ${names} }`} = await load('${from}')`,
  )
  // Types go before the imports do not: a block is one function body that may await.
  const { code: javascript } = await transform(`async function run(load, assert) {\n${body}\n}`, {
    loader: 'ts',
    target: 'node20',
  })
  const run = new Function(`${javascript}\nreturn run`)() as (load: unknown, assertion: unknown) => Promise<void>
  await run(loadModule, assert)
}

describe.each(blocks.flat())('$page', ({ index, code, needsRedis }) => {
  test.skipIf(needsRedis && !hasRedis)(`example ${index}`, async () => await runBlock(code), 60_000)
})
