import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scanSource, type ScanReport } from '../../src/doctor/index.js'

export const fixtures = fileURLToPath(new URL('fixtures', import.meta.url))

/** `file:line rule severity` of every comment `// ! rule severity` below a folder: all that is to be found, and nothing else. */
export async function readExpected(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  const lists = await Promise.all(
    names
      .filter((name) => /\.[cm]?[jt]sx?$/.test(name))
      .map(async (name) => {
        const lines = (await readFile(join(folder, name), 'utf8')).split('\n')
        return lines.flatMap((line, index) =>
          [...line.matchAll(/\/\/ ! ([\w-]+) (info|watch|act)/g)].map(
            ([, rule = '', severity = '']) => `${name}:${index + 1} ${rule} ${severity}`,
          ),
        )
      }),
  )
  return lists.flat().sort()
}

export async function scanFixture(name: string): Promise<{ report: ScanReport; found: string[]; expected: string[] }> {
  const folder = join(fixtures, name)
  const report = await scanSource({ target: folder })
  const found = report.findings.map(
    ({ file, line, rule, severity }) =>
      `${relative(folder, join(process.cwd(), file))}:${line} ${rule.slice('doctor/'.length)} ${severity}`,
  )
  return { report, found: found.sort(), expected: await readExpected(folder) }
}
