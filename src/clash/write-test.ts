export interface TestParts {
  command: string
  /** As they were given: `POST /orders/7 {"n":1}`. */
  requests: readonly [string, string]
  /** Names only: what they hold is a secret more often than not. */
  headers: readonly string[]
}

/** A test for vitest that fails until the two requests do not collide any more. */
export function writeClashTest({ command, requests, headers }: TestParts): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
  const [first, second] = requests.map((text) => text.trim().split(/\s+/).slice(0, 2).join(' ')) as [string, string]
  const title = first === second ? `two of ${first} do not collide` : `${first} and ${second} do not collide`
  const name = (header: string) => `CLASH_${header.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
  const given = headers.map((header) => `${quote(header)}: process.env['${name(header)}'] ?? ''`)
  const options = headers.length === 0 ? '' : `, { headers: { ${given.join(', ')} } }`
  return `import { httpRequest, openAppLab } from 'holdfast/clash'
import { expect, test } from 'vitest'

// Each order of their statements on a clone of the database has to end as one request after the other does.
test(${quote(title)}, { timeout: 120_000 }, async () => {
  const url = process.env['DATABASE_URL'] ?? ''
  const lab = await openAppLab({ url, command: ${quote(command)} })
  try {
    const first = httpRequest(${quote(requests[0])}${options})
    const second = httpRequest(${quote(requests[1])}${options})
    const report = await lab.replay(first, second)
    expect(report.verdict, report.diagram).toBe('none found')
  } finally {
    await lab.close()
  }
})
`
}
