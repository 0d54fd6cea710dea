// Makes the files that are made from others, or with `--check` tells whether they are still what would be made.
//   src/core/migrations.gen.ts  from migrations/*.sql: no file is read at run time, bundlers included
//   src/core/schema.gen.ts      what these migrations make, read back from a server: the manifest of `holdfast doctor`
//   docs/errors.md              from each module's table of errors
//   docs/options.md             from each module's tables of options
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'
import { buildAll } from './build.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const check = process.argv.includes('--check')
/** @type {string[]} */
const stale = []

/** @param {string} name @param {string} content */
async function emit(name, content) {
  const file = join(root, name)
  const before = await readFile(file, 'utf8').catch(() => '')
  if (before === content) return
  if (check) stale.push(name)
  else await writeFile(file, content)
}

/** @param {string} path */
const load = async (path) => await import(new URL(`../dist/${path}`, import.meta.url).href)

async function emitMigrations() {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const names = (await readdir(join(root, 'migrations'))).filter((name) => name.endsWith('.sql')).sort()
  const files = await Promise.all(
    names.map(async (name) => describeMigration(name, await readFile(join(root, 'migrations', name), 'utf8'))),
  )
  await emit(
    'src/core/migrations.gen.ts',
    `// Made by \`npm run generate\` from migrations/*.sql. Do not edit.

export interface MigrationFile {
  name: string
  class: 'expand' | 'contract' | 'data'
  /** CREATE INDEX CONCURRENTLY cannot run in one. */
  noTransaction?: true
  sql: string
}

export const packageVersion = ${JSON.stringify(version)}

export const migrations: readonly MigrationFile[] = ${JSON.stringify(files, null, 2)}
`,
  )
}

/** @param {string} name @param {string} sql */
function describeMigration(name, sql) {
  if (!/^\d{4}_[a-z]+_[a-z0-9_]+\.sql$/.test(name))
    throw new Error(`${name}: a migration is named NNNN_<module>_<what>.sql`)
  const kind = /^-- class: (expand|contract|data)$/m.exec(sql)?.[1]
  if (!kind) throw new Error(`${name}: the line "-- class: expand|contract|data" is missing`)
  const noTransaction = /^-- no-transaction$/m.test(sql)
  if (noTransaction) refuseOtherThanIndex(name, kind, sql)
  return { name: name.replace(/\.sql$/, ''), class: kind, ...(noTransaction && { noTransaction }), sql }
}

/** Outside of a transaction only what can be repeated after a crash is safe. @param {string} name @param {string} kind @param {string} sql */
function refuseOtherThanIndex(name, kind, sql) {
  const bare = sql.replace(/--.*$/gm, '').trim()
  const isIndex =
    /^create\s+(unique\s+)?index\s+concurrently\s+(if\s+not\s+exists\s+)?[a-z_][a-z0-9_]*\s+on\s+holdfast\./.test(bare)
  if (kind === 'contract' || !isIndex || bare.replace(/;$/, '').includes(';'))
    throw new Error(
      `${name}: "-- no-transaction" is for one CREATE INDEX CONCURRENTLY on a table of holdfast, of class expand`,
    )
}

async function emitManifest() {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-manifest-'))
  await chmod(dir, 0o755)
  const { startEmbedded } = await load('embedded/index.js')
  const { connectTo, readCatalog } = await load('core/index.js')
  const server = await startEmbedded({ dir, settings: { fsync: 'off' } })
  try {
    const db = await connectTo({ url: server.url })
    await db.migrate()
    const rows = await readCatalog(db)
    await db.close()
    await emit(
      'src/core/schema.gen.ts',
      `// Made by \`npm run generate\`: what the migrations make, read back from PostgreSQL. Do not edit.

import type { CatalogRow } from './store.js'

export const catalog: readonly CatalogRow[] = ${JSON.stringify(rows, null, 2)}
`,
    )
  } finally {
    await server.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

async function emitErrors() {
  const { errorModules } = await load('cli/error-modules.js')
  let text = '<!-- Made by `npm run generate` from the errors.ts of each module. -->\n\n# Errors\n\n'
  text +=
    'Every error of holdfast has a `code` that does not change, a `message` with its numbers, a `fix`, and `retryable`. The same text at the terminal: `holdfast errors <code>`.\n'
  for (const { module, table } of errorModules) {
    text += `\n## ${module}\n`
    for (const [code, entry] of Object.entries(table)) {
      text += `\n### ${code}\n\n${entry.summary}\n\n${entry.when}\n\n`
      text += `- **Fix:** ${entry.fix}\n- **Retryable:** ${entry.retryable ? 'yes' : 'no'} · **HTTP status:** ${entry.status ?? 500} · **Exit code:** ${entry.exitCode ?? 1}\n`
    }
  }
  await emit('docs/errors.md', await format(text, { parser: 'markdown', printWidth: 120 }))
}

async function emitOptions() {
  const { optionModules } = await load('cli/option-modules.js')
  let text = '<!-- Made by `npm run generate` from the option tables of each module. -->\n\n# Options\n\n'
  text +=
    'An unknown name or a value out of range throws `HF_OPTIONS_UNKNOWN` or `HF_OPTIONS_INVALID` before anything is opened.\n'
  for (const { of, table } of optionModules) {
    text += `\n## ${of}\n\n| option | type | default | range | what it is |\n| --- | --- | --- | --- | --- |\n`
    for (const [name, { type, unit, min, max, default: fallback, doc }] of Object.entries(table)) {
      const range = min === undefined ? '' : `${min} to ${max ?? '∞'}`
      text += `| \`${name}\` | ${type}${unit ? `, ${unit}` : ''} | ${fallback} | ${range} | ${doc} |\n`
    }
  }
  await emit('docs/options.md', await format(text, { parser: 'markdown', printWidth: 120 }))
}

await emitMigrations()
if (process.argv.includes('--migrations')) process.exit(0)
await buildAll()
await emitManifest()
await buildAll()
await emitErrors()
await emitOptions()
if (stale.length > 0) {
  process.stderr.write(`Not fresh: ${stale.join(', ')}. Run \`npm run generate\`.\n`)
  process.exit(1)
}
