import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PeerPart } from '../../harness/peer-contest.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { generateRepository } from './generate-repository.js'

const seconds = { atMost: 20 } as const
const megabytes = { atMost: 600 } as const
const FILES = 900
const RUNS = 5
/** A process writes how much memory it had at most when it ends; those that it starts do the same. */
const weigher = `import { writeFileSync } from 'node:fs'
process.on('exit', () => writeFileSync(process.env.WEIGHED + '/' + process.pid, String(process.resourceUsage().maxRSS)))
`

/** `holdfast scan` of a TypeScript repository as they are, made from a seed. */
export const scan: PeerPart = async ({ input, execPath }) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-scan-'))
  try {
    const { files, lines } = await generateRepository(join(folder, 'repository'), input.quick ? FILES / 10 : FILES)
    await symlink(findModules(), join(folder, 'repository/node_modules'))
    const times: number[] = []
    const sizes: number[] = []
    let found = 0
    while (times.length < (input.quick ? 1 : RUNS)) {
      const run = await runScan(folder, execPath)
      times.push(run.seconds)
      sizes.push(run.mb)
      found = run.findings
      input.progress(
        `scan: ${files} files, ${lines} lines, ${run.seconds.toFixed(1)} s, ${run.mb.toFixed(0)} MB, ${found} findings`,
      )
    }
    return {
      rows: [
        summarize('holdfast scan', 'scan_seconds', 's', times),
        summarize('holdfast scan', 'scan_memory', 'MB', sizes),
        summarize('the repository', 'scan_files', 'files', [files]),
        summarize('the repository', 'scan_lines', 'lines', [lines]),
        summarize('holdfast scan', 'scan_findings', 'findings', [found]),
      ],
      checks: [judgeRatio('scan_s', times, seconds), judgeRatio('scan_mb', sizes, megabytes)],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where the types of express and node-postgres are. */
function findModules(): string {
  const require = createRequire(import.meta.url)
  return dirname(dirname(dirname(require.resolve('@types/express/package.json'))))
}

async function runScan(folder: string, execPath: string): Promise<{ seconds: number; mb: number; findings: number }> {
  const weighed = await mkdtemp(join(folder, 'weighed-'))
  const hook = join(folder, 'weigher.mjs')
  await writeFile(hook, weigher)
  const bin = join(dirname(createRequire(import.meta.url).resolve('holdfast/package.json')), 'bin/holdfast.mjs')
  const env = { ...process.env, WEIGHED: weighed, NODE_OPTIONS: `--import ${pathToFileURL(hook).href}` }
  const began = performance.now()
  const child = spawn(execPath, [bin, 'scan', join(folder, 'repository'), '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text))
  const [code] = (await once(child, 'close')) as [number | null]
  const took = (performance.now() - began) / 1_000
  // 1: it has found something that it should fail for.
  if (code !== 0 && code !== 1) throw new Error(`\`holdfast scan\` ended with ${code}: ${output.stderr.slice(0, 500)}`)
  const { findings } = JSON.parse(output.stdout) as { findings: readonly unknown[] }
  return { seconds: took, mb: await readWeight(weighed), findings: findings.length }
}

/** Of all its processes. Node tells kilobytes. */
async function readWeight(folder: string): Promise<number> {
  let kilobytes = 0
  for (const name of await readdir(folder)) kilobytes += Number(await readFile(join(folder, name), 'utf8'))
  return kilobytes / 1_024
}
