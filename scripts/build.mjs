// Builds everything that runs: the library, the box office and the benches file by file, the dashboard as a bundle.
// One emitter (esbuild) makes the JavaScript in every case, so what the tests run is what is published;
// `--types` adds the declarations, which only a published package needs.
import { spawn } from 'node:child_process'
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stampFile = join(root, 'node_modules/.cache/holdfast-build.json')
const sourceFolders = ['src', 'example/src', 'bench/src', 'test/chaos', 'dashboard']
const outputs = ['dist', 'example/dist', 'bench/dist', 'test/chaos/dist']

/** @param {string} folder @param {RegExp} pattern @returns {Promise<string[]>} */
export async function listFiles(folder, pattern) {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Two starts in one folder must not rewrite modules under each other: an unchanged tree is not built again. */
async function describeSources() {
  const files = (await Promise.all(sourceFolders.map((folder) => listFiles(folder, /\.(ts|tsx|css|html)$/)))).flat()
  const lines = await Promise.all(
    files.map(async (file) => {
      const { mtimeMs, size } = await stat(file)
      return `${relative(root, file)} ${mtimeMs} ${size}`
    }),
  )
  return JSON.stringify(lines)
}

async function isFresh(/** @type {string} */ description) {
  const built = await Promise.all(outputs.map((folder) => stat(join(root, folder)).catch(() => null)))
  if (built.includes(null)) return false
  return (await readFile(stampFile, 'utf8').catch(() => '')) === description
}

/** @param {string} from @param {string} to */
async function transpile(from, to) {
  const entryPoints = (await listFiles(from, /\.ts$/)).filter((file) => !/\.(d|test)\.ts$/.test(file))
  const outdir = join(root, to)
  await mkdir(outdir, { recursive: true })
  await removeStale(entryPoints, join(root, from), outdir)
  if (entryPoints.length === 0) return
  const { build } = await import('esbuild')
  await build({
    entryPoints,
    outdir,
    outbase: join(root, from),
    format: 'esm',
    target: 'node20',
    platform: 'node',
    sourcemap: 'linked',
    logLevel: 'warning',
  })
}

/** A module that was renamed must not live on in dist. @param {string[]} sources @param {string} base @param {string} outdir */
async function removeStale(sources, base, outdir) {
  const wanted = new Set(sources.map((file) => relative(base, file).replace(/\.ts$/, '.js')))
  for (const file of await listFiles(relative(root, outdir), /\.js$/)) {
    const name = relative(outdir, file)
    if (wanted.has(name) || name.startsWith('dashboard')) continue
    await rm(file)
    await rm(`${file}.map`, { force: true })
  }
}

async function bundleDashboard() {
  const outdir = join(root, 'dist/dashboard')
  const { build } = await import('esbuild')
  const { metafile } = await build({
    entryPoints: { app: join(root, 'dashboard/src/main.tsx') },
    outdir,
    bundle: true,
    metafile: true,
    // A heavy page is a file of its own; its name changes with its content.
    splitting: true,
    chunkNames: '[name]-[hash]',
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
  })
  await writeFile(join(outdir, 'index.html'), await readFile(join(root, 'dashboard/index.html')))
  const made = new Set(['index.html', ...Object.keys(metafile.outputs).map((file) => basename(file))])
  const stale = (await readdir(outdir)).filter((name) => !made.has(name))
  await Promise.all(stale.map((name) => rm(join(outdir, name))))
}

async function emitTypes() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const child = spawn(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  if (code !== 0) throw new Error(`tsc ended with ${code}`)
}

/** @param {{ types?: boolean }} [options] */
export async function buildAll({ types = false } = {}) {
  const description = await describeSources()
  if (!(await isFresh(description))) {
    await Promise.all([
      transpile('src', 'dist'),
      transpile('example/src', 'example/dist'),
      transpile('bench/src', 'bench/dist'),
      transpile('test/chaos', 'test/chaos/dist'),
      bundleDashboard(),
    ])
    await mkdir(dirname(stampFile), { recursive: true })
    await writeFile(stampFile, description)
  }
  if (types) await emitTypes()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await buildAll({ types: process.argv.includes('--types') })
}
