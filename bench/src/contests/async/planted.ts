import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { kinds, placements, type Form, type Placement } from './kinds.js'

/** One block of the fifty: what of its application it is in, and how it is named when it is named right. */
export interface Planted extends Pick<Form, 'work'> {
  id: string
  kind: string
  placement: Placement
  /** Relative to the folder. */
  file: string
  /** From 1; where its marker is. */
  line: number
  /** The pattern of its route; no other block has it. */
  path: string
}

const marker = (id: string) => `// block: ${id}`

/** Writes the application's files that block, and finds the lines by their markers. */
export async function plantBlocks(folder: string): Promise<Planted[]> {
  const planted: Planted[] = []
  await write(folder, 'package.json', JSON.stringify({ name: 'planted', private: true }))
  for (const placement of placements) await writeManifest(folder, placement)
  for (const [nth, [kind, forms]] of Object.entries(kinds).entries()) {
    for (const [place, placement] of placements.entries()) {
      const form = forms[place] as Form
      const id = `${placement}-${kind}`
      const file = nameFile(placement, kind)
      const source = writeSource(form, placement, marker(id), nth)
      await write(folder, file, source)
      const line = 1 + source.split('\n').findIndex((text) => text.endsWith(marker(id)))
      planted.push({ id, kind, placement, file, line, path: `/${placement}/${kind}/:id`, work: form.work })
    }
  }
  return planted
}

async function writeManifest(folder: string, placement: Placement): Promise<void> {
  if (placement !== 'dependency') return
  const names = Object.keys(kinds).map((kind) => [`./${kind}`, `./lib/${kind}.js`])
  const manifest = { name: 'busy-dependency', version: '1.0.0', exports: Object.fromEntries(names) as object }
  await write(folder, 'node_modules/busy-dependency/package.json', JSON.stringify(manifest))
}

function nameFile(placement: Placement, kind: string): string {
  if (placement === 'dependency') return `node_modules/busy-dependency/lib/${kind}.js`
  return `src/${placement}/${kind}.${placement === 'cjs' ? 'cjs' : 'mjs'}`
}

async function write(folder: string, file: string, text: string): Promise<void> {
  const path = join(folder, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

function writeSource(form: Form, placement: Placement, mark: string, nth: number): string {
  const isCommon = placement === 'cjs' || placement === 'dependency'
  const uses = Object.entries(form.uses).map(([module, names]) =>
    isCommon ? `const { ${names} } = require('${module}')` : `import { ${names} } from '${module}'`,
  )
  const body = writeBody(form, mark)
  const run = placement === 'continuation' ? writeContinuation(body, nth) : ['function run(input) {', ...body, '}']
  return [...uses, '', ...run, '', isCommon ? 'module.exports = { run }' : 'export { run }', ''].join('\n')
}

/** A line that returns is the last one. */
function writeBody({ line }: Form, mark: string): string[] {
  const before = line.includes('until') ? ['  const until = performance.now() + input.ms'] : []
  const isLast = line.startsWith('return ')
  return ['  let out = 0', ...before, `  ${line} ${mark}`, ...(isLast ? [] : ['  return out'])]
}

/** In turn: after an await of a query, in a promise's chain, after a timer, in an immediate. All tell when they begin and end. */
function writeContinuation(body: readonly string[], nth: number): string[] {
  const work = ['function work(input) {', ...body, '}', '']
  const query = `query('select $1::int as one', [1])`
  const ways = [
    [
      'async function run(input, query) {',
      `  await ${query}`,
      '  input.begin()',
      ...body.slice(0, -1),
      (body.at(-1) as string).replace('return ', 'input.last = '),
      '  input.end()',
      '}',
    ],
    [
      ...work,
      'function run(input, query) {',
      `  return ${query}.then(() => input.begin()).then(() => work(input)).then(() => input.end())`,
      '}',
    ],
    [
      ...work,
      'async function run(input) {',
      '  await new Promise((resolve) => setTimeout(resolve, 5))',
      '  input.begin()',
      '  input.last = work(input)',
      '  input.end()',
      '}',
    ],
    [
      ...work,
      'function run(input) {',
      '  return new Promise((resolve) => setImmediate(() => {',
      '    input.begin()',
      '    input.last = work(input)',
      '    input.end()',
      '    resolve()',
      '  }))',
      '}',
    ],
  ]
  return ways[nth % ways.length] as string[]
}
