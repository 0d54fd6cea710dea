// `npm run check`: everything that can be judged without running the tests. All checks run, the failing ones are shown.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (/** @type {string} */ name) => join(root, 'node_modules/.bin', name)
const script = (/** @type {string} */ name, /** @type {string[]} */ ...args) => [
  process.execPath,
  join(root, 'scripts', name),
  ...args,
]

/** @type {{ name: string, command: string[], after?: string[] }[]} */
const checks = [
  { name: 'generated files', command: script('generate.mjs', '--check') },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'dashboard types', command: [bin('tsc'), '-p', 'dashboard'] },
  {
    name: 'lint',
    command: [
      bin('oxlint'),
      '--type-aware',
      'src',
      'test',
      'example/src',
      'bench/src',
      'dashboard/src',
      'scripts',
      'bin',
    ],
  },
  { name: 'format', command: [bin('prettier'), '--check', '--cache', '--log-level', 'warn', '.'] },
  {
    name: 'layers',
    command: [
      bin('depcruise'),
      '--config',
      '.dependency-cruiser.cjs',
      'src',
      'example/src',
      'bench/src',
      'dashboard/src',
    ],
  },
  { name: 'unused', command: [bin('knip'), '--no-progress'] },
  { name: 'root listing and file sizes', command: script('check-tree.mjs') },
  // The declarations are made once, for the checks of the package that need them.
  { name: 'declarations', command: script('build.mjs', '--types'), after: ['generated files'] },
  { name: 'publint', command: [bin('publint'), '--strict'], after: ['declarations'] },
  {
    name: 'package types (attw)',
    command: [bin('attw'), '--pack', '.', '--profile', 'esm-only', '--format', 'ascii'],
    after: ['declarations'],
  },
  { name: 'dashboard and package size', command: script('check-size.mjs'), after: ['declarations'] },
]

/** @param {string[]} command @returns {Promise<{ code: number, output: string }>} */
function run([program = '', ...args]) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, FORCE_COLOR: '0' } })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ code: 1, output: error.message }))
    child.on('exit', (code) => resolve({ code: code ?? 1, output }))
  })
}

const started = performance.now()
const counts = { passed: 0, failed: 0 }
/** @type {Map<string, Promise<void>>} */
const finished = new Map()
let slots = 2
/** @type {(() => void)[]} */
const queue = []

/** Two at a time: more would only make them slower on two cores. */
async function takeSlot() {
  if (slots > 0) slots--
  else await new Promise((resolve) => queue.push(() => resolve(undefined)))
}

function freeSlot() {
  const next = queue.shift()
  if (next) next()
  else slots++
}

/** @param {(typeof checks)[number]} check */
async function perform({ name, command, after = [] }) {
  for (const each of after) await finished.get(each)
  await takeSlot()
  const began = performance.now()
  const { code, output } = await run(command)
  freeSlot()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name}  ${seconds} s\n`)
  if (code === 0) counts.passed++
  else counts.failed++
  if (code !== 0) process.stdout.write(`${output.trimEnd()}\n\n`)
}

for (const check of checks) finished.set(check.name, perform(check))
await Promise.all(finished.values())
process.stdout.write(
  `${((performance.now() - started) / 1000).toFixed(0)} s\n${counts.passed} passed, ${counts.failed} failed\n`,
)
process.exitCode = counts.failed === 0 ? 0 : 1
