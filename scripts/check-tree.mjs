// Stray files get committed, and files grow: the root holds only what is listed here, no hand-written file has more
// than 500 lines, no lock file names a download address, and nothing names a path of one machine.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const MOST_LINES = 500

const rootNames = new Set([
  '.ci',
  '.dependency-cruiser.cjs',
  '.gitignore',
  '.oxlintrc.json',
  '.prettierignore',
  '.prettierrc.json',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'bench',
  'bin',
  'dashboard',
  'docs',
  'example',
  'knip.json',
  'migrations',
  'package-lock.json',
  'package.json',
  'scripts',
  'src',
  'test',
  'tsconfig.base.json',
  'tsconfig.build.json',
  'tsconfig.json',
  'vitest.config.ts',
])

const { stdout } = await promisify(execFile)('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
})
const files = stdout.split('\n').filter((name) => name !== '')
/** @type {string[]} */
const problems = []

for (const name of new Set(files.map((file) => file.split('/')[0] ?? ''))) {
  if (!rootNames.has(name)) problems.push(`${name}: not in the list of root names`)
}

for (const file of files) {
  if (!/\.(ts|tsx|mjs|cjs|sql|css|json|md|sh)$/.test(file) && !file.startsWith('.ci/')) continue
  const text = await readFile(`${root}${file}`, 'utf8').catch(() => '')
  const isHandWritten = /\.(ts|tsx|mjs|css)$/.test(file) && !file.endsWith('.gen.ts')
  const lines = text.split('\n').length - 1
  if (isHandWritten && lines > MOST_LINES) problems.push(`${file}: ${lines} lines, at most ${MOST_LINES}`)
  if (file.endsWith('package-lock.json') && /"resolved": *"https?:/.test(text))
    problems.push(`${file}: holds download addresses`)
  if (file !== 'scripts/check-tree.mjs' && /(^|[\s"'`=(])\/(tmp|root|work|home\/[a-z]+)\//m.test(text))
    problems.push(`${file}: names a path of one machine`)
}

if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`)
  process.exitCode = 1
}
