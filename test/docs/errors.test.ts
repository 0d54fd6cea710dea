import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { errorModules } from '../../src/cli/error-modules.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const codes = errorModules.flatMap(({ table }) => Object.keys(table))

async function readSources(): Promise<string> {
  const entries = await readdir(join(root, 'src'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  return (
    await Promise.all(files.map(async ({ parentPath, name }) => await readFile(join(parentPath, name), 'utf8')))
  ).join('\n')
}

test('every code has a section in docs/errors.md, and every section is a code', async () => {
  const docs = await readFile(join(root, 'docs/errors.md'), 'utf8')
  const sections = [...docs.matchAll(/^### (HF_[A-Z0-9_]+)$/gm)].map(([, code]) => code)
  expect(sections.toSorted()).toEqual(codes.toSorted())
})

test('no code stands in two tables, and none is thrown that no table has', async () => {
  expect(new Set(codes).size).toBe(codes.length)
  const named = new Set([...(await readSources()).matchAll(/\bHF_[A-Z]+_[A-Z0-9_]*[A-Z0-9]\b/g)].map(([code]) => code))
  expect([...named].filter((code) => !codes.includes(code))).toEqual([])
})

test('every code in a table is used somewhere besides the table', async () => {
  const sources = await readSources()
  const unused = codes.filter((code) => sources.split(new RegExp(`\\b${code}\\b`)).length < 3)
  expect(unused).toEqual([])
})

test('every entry says what, when and how to fix it', () => {
  for (const { table } of errorModules) {
    for (const [code, { summary, when, fix }] of Object.entries(table)) {
      for (const text of [summary, when, fix]) expect(text.trim(), code).toMatch(/[.`]$/)
    }
  }
})
