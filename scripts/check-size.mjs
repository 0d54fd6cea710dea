// The dashboard's budget: all that a browser loads, gzipped. Over it, the page opens slowly exactly when somebody is in a hurry.
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const budgetKb = 60
const compress = promisify(gzip)
const folder = join(dirname(fileURLToPath(import.meta.url)), '../dist/dashboard')

/** @returns {Promise<{ name: string, bytes: number }[]>} */
export async function measureDashboard() {
  const names = (await readdir(folder)).filter((name) => /\.(js|css|html|svg)$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => ({
      name,
      bytes: (await compress(await readFile(join(folder, name)), { level: 9 })).length,
    })),
  )
}

async function main() {
  const files = await measureDashboard()
  const total = files.reduce((sum, file) => sum + file.bytes, 0) / 1024
  for (const { name, bytes } of files) console.log(`${(bytes / 1024).toFixed(1).padStart(7)} KB  ${name}`)
  console.log(`${total.toFixed(1).padStart(7)} KB  in all, gzipped; ${budgetKb} allowed`)
  if (total > budgetKb) process.exitCode = 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
