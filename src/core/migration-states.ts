import { createHash } from 'node:crypto'
import { coreError } from './error-table.js'
import { migrations, packageVersion, type MigrationFile } from './migrations.gen.js'
import { readSqlstate, sqlstate } from './sqlstate.js'
import * as store from './store.js'

/** What a process takes for its own release. Only tests give another one, to run two releases in one checkout. */
export interface Release {
  version: string
  migrations: readonly MigrationFile[]
}

export const ownRelease: Release = { version: packageVersion, migrations }

export interface MigrationState {
  name: string
  class: MigrationFile['class']
  /** `changed`: applied from a file that differed; `unknown`: applied by a package that knows more than this one. */
  state: 'applied' | 'pending' | 'changed' | 'unknown'
  appliedAt?: Date
  /** The release that applied it. */
  package?: string
}

/** What this package knows and what the database has, in order. Works on an empty database and changes nothing. */
export async function readMigrationStates(
  session: store.Session,
  release: Release = ownRelease,
): Promise<MigrationState[]> {
  const rows = await readApplied(session)
  const applied = new Map(rows.map((row) => [row.name, row]))
  const known = release.migrations.map((file): MigrationState => {
    const row = applied.get(file.name)
    applied.delete(file.name)
    if (!row) return { name: file.name, class: file.class, state: 'pending' }
    return describeRow(row, row.checksum === checksumOf(file) ? 'applied' : 'changed')
  })
  return [...known, ...[...applied.values()].map((row) => describeRow(row, 'unknown'))]
}

function describeRow(row: store.AppliedRow, state: MigrationState['state']): MigrationState {
  return { name: row.name, class: row.class, state, appliedAt: row.applied_at, package: row.package }
}

/** What was applied; nothing where the schema is not there. */
export async function readApplied(session: store.Session): Promise<store.AppliedRow[]> {
  try {
    return await store.listApplied(session)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  const code = readSqlstate(error)
  return code === sqlstate.undefinedTable || code === sqlstate.invalidSchema
}

/** The contract migration of a newer release that `release` does not know, if one was applied. */
export function findAhead<Row extends Pick<store.AppliedRow, 'name' | 'class'>>(
  applied: readonly Row[],
  release: Release,
): Row | undefined {
  const known = new Set(release.migrations.map(({ name }) => name))
  return applied.find((row) => row.class === 'contract' && !known.has(row.name))
}

export function describeAhead({ name, package: by }: { name: string; package?: string }, release: Release) {
  return coreError(
    'HF_MIGRATE_AHEAD',
    `holdfast ${by ?? '(a newer release)'} applied the contract migration ${name}, which holdfast ${release.version} does not know.`,
    { details: { migration: name, needs: by, version: release.version } },
  )
}

export function checksumOf({ sql }: MigrationFile): string {
  return createHash('sha256').update(sql).digest('hex')
}
