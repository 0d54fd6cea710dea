import { expect, test } from 'vitest'
import { scanSource, toSarif } from '../../src/doctor/index.js'
import { blockingApp, makeProject } from './project.js'

interface Place {
  physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number; startColumn: number } }
}
interface Result {
  ruleId: string
  ruleIndex: number
  level: string
  message: { text: string }
  locations: Place[]
  partialFingerprints: Record<string, string>
  codeFlows: { threadFlows: { locations: { location: Place & { message: { text: string } } }[] }[] }[]
}
interface Log {
  version: string
  runs: {
    tool: { driver: { name: string; rules: { id: string; shortDescription: { text: string } }[] } }
    results: Result[]
  }[]
}

test('SARIF 2.1.0: rules, places, the way there, fingerprints', async () => {
  await using project = await makeProject({ 'my app.ts': blockingApp })
  const { findings } = await scanSource({ target: project.folder })
  const { version, runs } = JSON.parse(JSON.stringify(toSarif(findings))) as Log
  expect(version).toBe('2.1.0')
  const [run] = runs
  const rules = run?.tool.driver.rules ?? []
  for (const { id, shortDescription } of rules) {
    expect(id).toMatch(/^doctor\/[a-z-]+$/)
    expect(shortDescription.text).toMatch(/\.$/)
  }
  const [result] = run?.results ?? []
  expect(rules[result?.ruleIndex ?? -1]?.id).toBe(result?.ruleId)
  expect(result).toMatchObject({
    ruleId: 'doctor/sync-in-request',
    level: 'error',
    partialFingerprints: { 'holdfast/v1': findings[0]?.id },
    locations: [
      { physicalLocation: { artifactLocation: { uri: 'my%20app.ts' }, region: { startLine: 8, startColumn: 10 } } },
    ],
  })
  const steps = result?.codeFlows[0]?.threadFlows[0]?.locations.map(({ location }) => [
    location.message.text,
    location.physicalLocation.region.startLine,
  ])
  expect(steps).toEqual([
    ['GET /bad', 5],
    ['read', 7],
    ["readFileSync(name, 'utf8')", 8],
  ])
})
