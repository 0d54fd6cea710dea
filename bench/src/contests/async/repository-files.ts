/** What a part of the generated repository is about. */
export interface Domain {
  /** `orders-12` */
  folder: string
  /** `Orders12` */
  name: string
  fields: readonly Field[]
  /** It has a call that blocks, behind a few others. */
  blocks: boolean
}

interface Field {
  name: string
  type: 'string' | 'number' | 'boolean' | 'Date'
}

const subjects = [
  'orders',
  'customers',
  'invoices',
  'shipments',
  'products',
  'prices',
  'stocks',
  'refunds',
  'tickets',
  'venues',
]
const nouns = [
  'title',
  'owner',
  'status',
  'amount',
  'currency',
  'due',
  'note',
  'region',
  'weight',
  'channel',
  'score',
  'source',
]
const types = ['string', 'number', 'boolean', 'Date'] as const
const MANY = 11

export function describeDomain(n: number, random: () => number): Domain {
  const subject = subjects[n % subjects.length] as string
  const fields = nouns
    .filter(() => random() < 0.7)
    .map((name) => ({ name, type: types[Math.floor(random() * types.length)] as Field['type'] }))
  const [initial = '', ...rest] = subject
  return {
    folder: `${subject}-${n}`,
    name: `${initial.toUpperCase()}${rest.join('')}${n}`,
    fields,
    blocks: random() < 0.3,
  }
}

type Write = (domain: Domain, others: readonly Domain[]) => string

const repeat = (times: number, write: (n: number) => string): string =>
  Array.from({ length: times }, (_, n) => write(n)).join('\n')
const listFields = ({ fields }: Domain, write: (field: Field) => string, between = '\n'): string =>
  fields.map(write).join(between)
const lowerFirst = (name: string): string => `${name.slice(0, 1).toLowerCase()}${name.slice(1)}`

/** By the end of the file's name. */
export const writers: Readonly<Record<string, Write>> = {
  types: (domain) =>
    repeat(
      MANY,
      (n) => `export interface ${domain.name}Record${n} {
  id: number
${listFields(domain, ({ name, type }) => `  ${name}: ${type}`)}
}

export type ${domain.name}Change${n} = Partial<Omit<${domain.name}Record${n}, 'id'>>
`,
    ),

  repository: (domain) => `import type { PoolClient } from 'pg'
import { inTransaction, query } from '../database/pool.js'
import type { ${repeat(MANY, (n) => `${domain.name}Record${n},`)} } from './${domain.folder}.types.js'

export class ${domain.name}Repository {
${repeat(
  MANY,
  (n) => `  async find${n}(id: number): Promise<${domain.name}Record${n} | undefined> {
    const [row] = await query<${domain.name}Record${n}>('select * from ${domain.folder.replace('-', '_')} where id = $1', [id])
    return row
  }

  async list${n}(limit: number): Promise<${domain.name}Record${n}[]> {
    return await query<${domain.name}Record${n}>('select * from ${domain.folder.replace('-', '_')} order by id limit $1', [limit])
  }

  async save${n}(record: ${domain.name}Record${n}): Promise<number> {
    return await inTransaction(async (client: PoolClient) => {
      const { rowCount } = await client.query('update ${domain.folder.replace('-', '_')} set id = $1', [record.id])
      return rowCount ?? 0
    })
  }
`,
)}}
`,

  service: (domain, others) => `import { ${domain.name}Repository } from './${domain.folder}.repository.js'
import { map${domain.name}0 } from './${domain.folder}.mapper.js'
import { load${domain.name}Template0 } from './${domain.folder}.templates.js'
import { check${domain.name}0 } from './${domain.folder}.policy.js'
${others.map(({ name, folder }) => `import { ${name}Service } from '../${folder}/${folder}.index.js'`).join('\n')}

export class ${domain.name}Service {
  readonly #repository = new ${domain.name}Repository()
${others.map(({ name }) => `  readonly #${lowerFirst(name)} = new ${name}Service()`).join('\n')}

${repeat(
  MANY,
  (n) => `  async read${n}(id: number) {
    const record = await this.#repository.find${n}(id)
    if (record === undefined) return undefined
    check${domain.name}0(record)
${others.map(({ name }) => `    await this.#${lowerFirst(name)}.count${n}()`).join('\n')}
    return { ...map${domain.name}0(record), text: load${domain.name}Template0('row-${n}') }
  }

  async count${n}(): Promise<number> {
    const records = await this.#repository.list${n}(100)
    return records.filter(({ id }) => id % 2 === 0).length
  }

  async change${n}(id: number, apply: (record: { id: number }) => void): Promise<number> {
    const record = await this.#repository.find${n}(id)
    if (record === undefined) return 0
    apply(record)
    return await this.#repository.save${n}(record)
  }
`,
)}}
`,

  controller: (domain) => `import type { NextFunction, Request, Response } from 'express'
import { parse${domain.name}0 } from './${domain.folder}.schema.js'
import { ${domain.name}Service } from './${domain.folder}.service.js'

export class ${domain.name}Controller {
  readonly #service: ${domain.name}Service

  constructor(service = new ${domain.name}Service()) {
    this.#service = service
  }

${repeat(
  MANY,
  (n) => `  read${n} = async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    try {
      const found = await this.#service.read${n}(Number(request.params['id']))
      if (found === undefined) response.status(404).json({ error: 'not found' })
      else response.json(found)
    } catch (error) {
      next(error)
    }
  }

  change${n} = async (request: Request, response: Response): Promise<void> => {
    const change = parse${domain.name}0(request.body)
    const changed = await this.#service.change${n}(Number(request.params['id']), (record) => Object.assign(record, change))
    response.status(changed === 0 ? 404 : 200).json({ changed })
  }
`,
)}}
`,

  router: (domain) => `import { Router, type RequestHandler } from 'express'
import { ${domain.name}Controller } from './${domain.folder}.controller.js'
import { authorize${domain.name} } from './${domain.folder}.middleware.js'

const wrap =
  (handler: RequestHandler): RequestHandler =>
  async (request, response, next) => {
    await handler(request, response, next)
  }

export function create${domain.name}Router(controller = new ${domain.name}Controller()): Router {
  const router = Router()
  router.use(authorize${domain.name})
${repeat(
  MANY,
  (n) => `  router.get('/part-${n}/:id', wrap(controller.read${n}))
  router.patch('/part-${n}/:id', controller.change${n})
  router.get('/part-${n}/:id/name', async (request, response) => {
    response.json(await Promise.all([request.params['id'], 'part-${n}']))
  })`,
)}
  return router
}
`,

  middleware: (domain) => `import type { NextFunction, Request, Response } from 'express'
import { cached${domain.name}0 } from './${domain.folder}.cache.js'

export function authorize${domain.name}(request: Request, response: Response, next: NextFunction): void {
  const token = request.headers.authorization
  if (token === undefined) response.status(401).json({ error: 'no token' })
  else cached${domain.name}0(token, () => token.length).then(() => next(), next)
}

${repeat(
  2 * MANY,
  (n) => `export function limit${n}(request: Request, response: Response, next: NextFunction): void {
  const size = Number(request.headers['content-length'] ?? 0)
  if (size > ${1_000 * (n + 1)}) response.status(413).end()
  else next()
}
`,
)}`,

  mapper: (domain) => `import type { ${domain.name}Record0 } from './${domain.folder}.types.js'

${repeat(
  MANY,
  (n) => `export function map${domain.name}${n}(record: ${domain.name}Record0) {
  return {
    id: record.id,
${listFields(domain, ({ name, type }) => `    ${name}: ${type === 'Date' ? `record.${name}.toISOString()` : `record.${name}`},`)}
  }
}

export const mapAll${domain.name}${n} = (records: readonly ${domain.name}Record0[]) => records.map(map${domain.name}${n})
`,
)}`,

  schema: (domain) => `import type { ${domain.name}Change0 } from './${domain.folder}.types.js'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

${repeat(
  MANY,
  (n) => `export function parse${domain.name}${n}(body: unknown): ${domain.name}Change0 {
  if (!isObject(body)) throw new TypeError('an object is needed')
  const change: ${domain.name}Change0 = {}
${listFields(domain, ({ name, type }) => (type === 'Date' ? `  if (typeof body['${name}'] === 'string') change.${name} = new Date(body['${name}'])` : `  if (typeof body['${name}'] === '${type}') change.${name} = body['${name}']`))}
  return change
}
`,
)}`,

  templates: ({ name, blocks }) => `import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

const templates = new Map<string, string>()

${repeat(
  MANY,
  (n) => `export function load${name}Template${n}(file: string): string {
  const known = templates.get(file)
  if (known !== undefined) return known
  const text = ${blocks ? `existsSync(file) ? readFileSync(file, 'utf8') : ''` : `file.padEnd(${n + 10})`}
  templates.set(file, text)
  return text
}

export async function read${name}Template${n}(file: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  return text.replaceAll('{name}', file)
}
`,
)}export const isThere = (file: string): boolean => templates.has(file) || existsSync(file) || readFileSync.length > 5
`,

  policy: (domain) => `import type { ${domain.name}Record0 } from './${domain.folder}.types.js'

type Rule = (record: ${domain.name}Record0) => boolean

const rules: Rule[] = []

${repeat(
  2 * MANY,
  (n) => `export function check${domain.name}${n}(record: ${domain.name}Record0): void {
  for (const rule of rules) if (!rule(record)) throw new Error('rule ${n} of ${domain.folder} is broken')
}
rules.push(({ id }) => id >= ${-n})
`,
)}`,

  cache: ({ name }) => `const kept = new Map<string, { value: unknown; until: number }>()

${repeat(
  MANY,
  (n) => `export async function cached${name}${n}<T>(key: string, load: () => T | Promise<T>): Promise<T> {
  const known = kept.get(key)
  if (known !== undefined && known.until > Date.now()) return known.value as T
  const value = await load()
  kept.set(key, { value, until: Date.now() + ${(n + 1) * 1_000} })
  return value
}

export function forget${name}${n}(key: string): boolean {
  return kept.delete(key)
}
`,
)}`,

  events: ({ name }) => `import { EventEmitter, once } from 'node:events'

export class ${name}Events extends EventEmitter {
${repeat(
  MANY,
  (n) => `  on${n}(listener: (id: number) => void): () => void {
    this.on('event-${n}', listener)
    return () => void this.off('event-${n}', listener)
  }

  async wait${n}(): Promise<number> {
    const [id] = (await once(this, 'event-${n}')) as [number]
    return id
  }

  tell${n}(id: number): void {
    this.emit('event-${n}', id)
  }
`,
)}}
`,

  jobs: (domain) => `import { ${domain.name}Service } from './${domain.folder}.service.js'

export class ${domain.name}Jobs {
  readonly #service = new ${domain.name}Service()

${repeat(
  MANY,
  (n) => `  async run${n}(ids: readonly number[]): Promise<number> {
    let changed = 0
    for (const id of ids) {
      const found = await this.#service.read${n}(id)
      if (found !== undefined) changed++
    }
    return changed
  }

  start${n}(everyMs: number): NodeJS.Timeout {
    return setInterval(() => {
      this.run${n}([1, 2, 3]).catch((error: unknown) => console.error(error))
    }, everyMs)
  }
`,
)}}
`,

  errors: ({ name }) =>
    repeat(
      2 * MANY,
      (n) => `export class ${name}Error${n} extends Error {
  readonly status = ${400 + n}
  readonly code = '${name.toUpperCase()}_${n}'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = '${name}Error${n}'
  }
}
`,
    ),

  index: ({ folder, name }) => `export { ${name}Controller } from './${folder}.controller.js'
export * from './${folder}.errors.js'
export * from './${folder}.events.js'
export { ${name}Jobs } from './${folder}.jobs.js'
export * from './${folder}.mapper.js'
export { ${name}Repository } from './${folder}.repository.js'
export { create${name}Router } from './${folder}.router.js'
export { ${name}Service } from './${folder}.service.js'
export type * from './${folder}.types.js'
`,
}
