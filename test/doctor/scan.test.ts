import { join } from 'node:path'
import { expect, test } from 'vitest'
import { promoteFindings, readBaseline, scanSource, writeBaseline } from '../../src/doctor/index.js'
import { blockingApp, makeProject } from './project.js'

const rules = (findings: readonly { rule: string; severity: string }[]) =>
  findings.map(({ rule, severity }) => `${rule} ${severity}`)

test('a finding keeps its identity while lines move, and loses it when its code changes', async () => {
  await using project = await makeProject({ 'app.ts': blockingApp })
  const [before] = (await scanSource({ target: project.folder })).findings
  await project.write({
    'app.ts': `// A line more.\n\n${blockingApp.replace('  return readFileSync', '\n  return  readFileSync')}`,
  })
  const [moved] = (await scanSource({ target: project.folder })).findings
  expect([moved?.id, moved?.line]).toEqual([before?.id, (before?.line ?? 0) + 3])
  await project.write({ 'app.ts': blockingApp.replaceAll('read(', 'load(') })
  const [renamed] = (await scanSource({ target: project.folder })).findings
  expect(renamed?.id).not.toBe(before?.id)
})

test('the same code twice in a function is two findings', async () => {
  const twice = blockingApp.replace('  return readFileSync', "  readFileSync(name, 'utf8')\n  return readFileSync")
  await using project = await makeProject({ 'app.ts': twice })
  const { findings } = await scanSource({ target: project.folder })
  expect(findings).toHaveLength(2)
  expect(new Set(findings.map(({ id }) => id)).size).toBe(2)
})

test('a baseline holds what was there; what it cannot be read from is an error', async () => {
  await using project = await makeProject({ 'app.ts': blockingApp })
  const { findings } = await scanSource({ target: project.folder })
  const path = join(project.folder, 'baseline.json')
  await writeBaseline(path, findings)
  expect(await readBaseline(path)).toEqual(new Set(findings.map(({ id }) => id)))
  await project.write({ 'broken.json': '{}' })
  for (const name of ['broken.json', 'missing.json'])
    await expect(readBaseline(join(project.folder, name))).rejects.toMatchObject({ code: 'HF_DOCTOR_BASELINE' })
})

test('a comment with a rule and a reason silences the next line, and nothing else does', async () => {
  const silence = (comment: string) =>
    blockingApp.replace('  return readFileSync', `  ${comment}\n  return readFileSync`)
  await using project = await makeProject({
    'a.ts': silence('// holdfast-ignore-next-line doctor/sync-in-request -- one small file'),
    'b.ts': silence('// holdfast-ignore-next-line sync-in-request, busy-loop -- one small file\n  // another comment'),
    'c.ts': silence('// holdfast-ignore-next-line doctor/sync-in-request'),
    'd.ts': silence('// holdfast-ignore-next-line doctor/no-such-rule -- why'),
    'e.ts': silence('// holdfast-ignore-next-line doctor/busy-loop -- another rule'),
    'f.ts': silence('// holdfast-ignore-next-line'),
  })
  const { findings, figures, complaints } = await scanSource({ target: project.folder })
  expect(findings.map(({ file }) => file.at(-4))).toEqual(['c', 'd', 'e', 'f'])
  expect(figures.suppressed).toBe(2)
  expect(complaints.map((text) => text.replace(/^.*(.\.ts:\d+)/, '$1'))).toEqual([
    'c.ts:8: the comment gives no reason after " -- ", and silences nothing.',
    'd.ts:8: there is no rule doctor/no-such-rule.',
    'f.ts:8: the comment names no rule, and silences nothing.',
  ])
})

test('what was seen to block becomes act, at that line alone', async () => {
  const light = blockingApp
    .replaceAll("readFileSync(name, 'utf8')", 'String(existsSync(name))')
    .replace('readFileSync', 'existsSync')
  await using project = await makeProject({ 'src/app.ts': light })
  const { findings } = await scanSource({ target: join(project.folder, 'src') })
  expect(rules(findings)).toEqual(['doctor/sync-in-request watch'])
  const seen = (subject: string, kind = 'blocked-loop') => ({
    kind,
    subject,
    sentence: 'Stood still for 200 ms.',
    route: 'GET /bad',
  })
  for (const subject of ['src/app.ts:8', 'app.ts:8', `${project.folder}/src/app.ts:8`, './src/app.ts:8'])
    expect(promoteFindings(findings, [seen(subject)])).toMatchObject([
      { severity: 'act', evidence: { sentence: 'Stood still for 200 ms.' } },
    ])
  for (const subject of ['src/app.ts:9', 'other/app.tsx:8', 'my-app.ts:8', ''])
    expect(promoteFindings(findings, [seen(subject)])).toEqual(findings)
  expect(promoteFindings(findings, [seen('src/app.ts:8', 'plan-flip')])).toEqual(findings)
})

test('tsconfig paths, what it extends, and packages of the repository are followed without node_modules', async () => {
  const service = "import { readFileSync } from 'fs'\nexport const load = () => readFileSync('a')\n"
  await using project = await makeProject({
    'package.json': '{ "name": "root", "workspaces": ["packages/*"] }',
    'tsconfig.base.json': '{ "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["server/*"] } } }',
    'tsconfig.json': '{ // a comment\n "extends": "./tsconfig.base.json" }',
    'server/by-path.ts': service,
    'packages/shared/package.json': '{ "name": "@acme/shared", "main": "dist/index.js" }',
    'packages/shared/src/index.ts': service,
    'server/app.ts': `import express from 'express'
import { load as one } from '@/by-path'
import { load as two } from '@acme/shared'
const app = express()
app.get('/', (req, res) => res.send([one(), two()]))
`,
  })
  const { findings } = await scanSource({ target: join(project.folder, 'server') })
  expect(findings.map(({ file }) => file).sort()).toEqual(['packages/shared/src/index.ts', 'server/by-path.ts'])
  await project.write({ 'tsconfig.json': '{ "extends": ' })
  await expect(scanSource({ target: join(project.folder, 'server') })).rejects.toMatchObject({
    code: 'HF_DOCTOR_CONFIG',
  })
})

test('sinks that no route reaches are listed with `all`; tests and build output never are', async () => {
  const script = "import { readFileSync } from 'fs'\nreadFileSync('a')\nexport const read = () => readFileSync('b')\n"
  await using project = await makeProject({ 'script.ts': script, 'script.test.ts': script, 'dist/script.js': script })
  expect((await scanSource({ target: project.folder })).findings).toEqual([])
  const { findings } = await scanSource({ target: project.folder, all: true })
  expect(findings.map(({ line, severity, chain }) => [line, severity, chain.length])).toEqual([
    [2, 'info', 0],
    [3, 'info', 0],
  ])
  await expect(scanSource({ target: join(project.folder, 'dist') })).resolves.toBeDefined()
  await expect(scanSource({ target: join(project.folder, 'nothing') })).rejects.toMatchObject({
    code: 'HF_DOCTOR_TARGET',
  })
})
