// The dashboard's budget: all that a browser loads for its heaviest page, gzipped. Over it, the page opens slowly exactly when somebody is in a hurry.
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const budgetKb = 60
const compress = promisify(gzip)
const folder = join(dirname(fileURLToPath(import.meta.url)), '../dist/dashboard')

/** What a browser loads for the heaviest page. @returns {Promise<{ name: string, bytes: number }[]>} */
export async function measureDashboard() {
  const names = (await readdir(folder)).filter((name) => /\.(js|css|html|svg)$/.test(name)).sort()
  const files = new Map(await Promise.all(names.map(measureFile)))
  const base = [...names.filter((name) => !name.endsWith('.js')), ...listLoaded(['app.js'], files)]
  const pages = [...new Set(base.flatMap((name) => files.get(name)?.pages ?? []))]
  const loads = [[], ...pages.map((page) => [page])].map((page) => {
    const loaded = [...new Set([...base, ...listLoaded(page, files)])]
    return loaded.map((name) => ({ name, bytes: files.get(name)?.bytes ?? 0 }))
  })
  const sum = (/** @type {{ bytes: number }[]} */ load) => load.reduce((total, { bytes }) => total + bytes, 0)
  return loads.toSorted((a, b) => sum(b) - sum(a))[0] ?? []
}

/** @typedef {{ bytes: number, imports: string[], pages: string[] }} Measured */

/** @param {string} name @returns {Promise<[string, Measured]>} */
async function measureFile(name) {
  const content = await readFile(join(folder, name))
  const bytes = (await compress(content, { level: 9 })).length
  const text = name.endsWith('.js') ? content.toString() : ''
  const imports = [...text.matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g)].map(([, file = '']) => file)
  const pages = [...text.matchAll(/import\("\.\/([^"]+\.js)"\)/g)].map(([, file = '']) => file)
  return [name, { bytes, imports, pages }]
}

/** These, and what they cannot run without. @param {string[]} names @param {Map<string, Measured>} files @returns {string[]} */
function listLoaded(names, files) {
  const loaded = new Set(names)
  for (const name of loaded) for (const needed of files.get(name)?.imports ?? []) loaded.add(needed)
  return [...loaded]
}

async function main() {
  const files = await measureDashboard()
  const total = files.reduce((sum, file) => sum + file.bytes, 0) / 1024
  for (const { name, bytes } of files) console.log(`${(bytes / 1024).toFixed(1).padStart(7)} KB  ${name}`)
  console.log(`${total.toFixed(1).padStart(7)} KB  in all for the heaviest page, gzipped; ${budgetKb} allowed`)
  if (total > budgetKb) process.exitCode = 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
