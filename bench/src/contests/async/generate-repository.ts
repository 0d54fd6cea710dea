import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createRandom } from 'holdfast/prove'
import { describeDomain, writers, type Domain } from './repository-files.js'

const SEED = 41

/**
 * A TypeScript repository of so many files, about 150 lines each: domains with routers, controllers, services and
 * repositories of classes, callbacks, re-exports, and calls across domains. The same one each time.
 */
export async function generateRepository(folder: string, files: number): Promise<{ files: number; lines: number }> {
  const random = createRandom(SEED)
  const perDomain = Object.keys(writers).length
  const domains = Array.from({ length: Math.round((files - 2) / perDomain) }, (_, n) => describeDomain(n, random))
  const sources = new Map<string, string>()
  for (const [n, domain] of domains.entries()) {
    // It calls those before it: no cycles between domains.
    const others = domains.slice(Math.max(0, n - 3), n)
    for (const [file, write] of Object.entries(writers))
      sources.set(`src/${domain.folder}/${domain.folder}.${file}.ts`, write(domain, others))
  }
  sources.set('src/app.ts', writeApp(domains))
  sources.set('src/database/pool.ts', writePool())
  await write(folder, 'package.json', JSON.stringify({ name: 'generated', type: 'module', private: true }))
  await write(folder, 'tsconfig.json', JSON.stringify({ compilerOptions, include: ['src'] }))
  let lines = 0
  for (const [file, source] of sources) {
    lines += source.split('\n').length
    await write(folder, file, source)
  }
  return { files: sources.size, lines }
}

const compilerOptions = {
  target: 'es2022',
  module: 'nodenext',
  moduleResolution: 'nodenext',
  strict: true,
  noEmit: true,
  skipLibCheck: true,
}

async function write(folder: string, file: string, text: string): Promise<void> {
  const path = join(folder, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

function writeApp(domains: readonly Domain[]): string {
  return `import express from 'express'
import { appendFileSync } from 'node:fs'
${domains.map(({ folder, name }) => `import { create${name}Router } from './${folder}/${folder}.index.js'`).join('\n')}

export function createApp(): express.Express {
  const app = express()
  app.use(express.json())
  app.use((request, _response, next) => {
    appendFileSync('audit.log', \`\${request.method} \${request.path}\\n\`)
    next()
  })
${domains.map(({ folder, name }) => `  app.use('/${folder}', create${name}Router())`).join('\n')}
  return app
}

createApp().listen(3000)
`
}

function writePool(): string {
  return `import { Pool, type PoolClient, type QueryResultRow } from 'pg'

export const pool = new Pool({ max: 10 })

export async function query<Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
  const { rows } = await pool.query<Row>(text, values)
  return rows
}

export async function inTransaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
`
}
