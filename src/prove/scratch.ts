import { randomBytes } from 'node:crypto'
import { connectTo, type Db } from '../core/index.js'
import { proveError } from './errors.js'
import { createScratchDatabase, createScratchSchema, dropScratchDatabase, dropScratchSchema } from './store.js'

/** Where one side works. Nothing outside it is touched. */
export interface Scratch {
  url: string
  postgres: string
  drop(): Promise<void>
}

export type ScratchKind = 'schema' | 'database'

/** @throws HF_PROVE_NO_SCRATCH */
export async function openScratch(url: string, kind: ScratchKind): Promise<Scratch> {
  const name = `holdfast_prove_${randomBytes(6).toString('hex')}`
  const admin = await connectTo({ url, pool: { max: 2 } })
  const postgres = admin.server.version
  try {
    await (kind === 'schema' ? createScratchSchema(admin, name) : createScratchDatabase(admin, name))
  } catch (cause) {
    await admin.close()
    throw proveError('HF_PROVE_NO_SCRATCH', `The ${kind} ${name} could not be created.`, { cause })
  }
  const drop = async () => {
    await (kind === 'schema' ? dropScratchSchema(admin, name) : dropScratchDatabase(admin, name))
    await admin.close()
  }
  if (kind === 'schema') return { url: addSearchPath(url, name), postgres, drop }
  return { url: await migrateScratch(url, name, drop), postgres, drop }
}

/** The tables of holdfast have one place in a database, so experiments with them get a database. */
async function migrateScratch(url: string, name: string, drop: () => Promise<void>): Promise<string> {
  const copy = new URL(url)
  copy.pathname = `/${name}`
  let db: Db | undefined
  try {
    db = await connectTo({ url: copy.href, pool: { max: 2 } })
    await db.migrate()
    return copy.href
  } catch (error) {
    await drop()
    throw error
  } finally {
    await db?.close()
  }
}

function addSearchPath(url: string, schema: string): string {
  const copy = new URL(url)
  copy.searchParams.set('options', `-c search_path=${schema}`)
  return copy.href
}
