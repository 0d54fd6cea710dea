import { coreError } from './error-table.js'
import type { CatalogRow, Session } from './store.js'
import { listRoles } from './instance-store.js'
import { readCatalog } from './store.js'

const rowRights = 'select, insert, update, delete'

/** The record of migrations decides who may run: only the owner writes it. */
const readOnlyTables = new Set(['core_migrations'])

/**
 * What a role needs at run time, and no more: rows and sequences, no DDL and no ownership. The default privileges
 * belong to the role that runs these statements and cover what its later migrations make.
 */
export function describeGrants(catalog: readonly CatalogRow[], roles: readonly string[]): string[] {
  return roles.flatMap((role) => {
    // Always quoted: `user` and `public` mean something else without.
    const to = `to "${role.replaceAll('"', '""')}";`
    const defaults = 'alter default privileges in schema holdfast grant'
    return [
      `grant usage on schema holdfast ${to}`,
      ...catalog.flatMap((row) => describeGrant(row, to)),
      `${defaults} ${rowRights} on tables ${to}`,
      `${defaults} usage, select on sequences ${to}`,
      `${defaults} execute on routines ${to}`,
    ]
  })
}

function describeGrant({ kind, name, definition }: CatalogRow, to: string): string[] {
  if (kind === 'function') {
    const [, bare = '', rest = ''] = /^([^(]*)(\(.*)$/s.exec(name) ?? []
    return [`grant execute on routine holdfast.${quoteIdentifier(bare)}${rest} ${to}`]
  }
  if (kind !== 'table') return []
  const table = `holdfast.${quoteIdentifier(name)}`
  if (definition === 'S') return [`grant usage, select on sequence ${table} ${to}`]
  const isReadOnly = readOnlyTables.has(name) || definition === 'v' || definition === 'm'
  return [`grant ${isReadOnly ? 'select' : rowRights} on ${table} ${to}`]
}

/** All of them or none. @throws HF_MIGRATE_ROLE_UNKNOWN */
export async function grantToRoles(session: Session, roles: readonly string[]): Promise<void> {
  if (roles.length === 0) return
  const known = await listRoles(session, roles)
  const unknown = roles.filter((role) => !known.includes(role))
  if (unknown.length > 0) {
    throw coreError(
      'HF_MIGRATE_ROLE_UNKNOWN',
      `The server has no role ${unknown.map((each) => `"${each}"`).join(', ')}.`,
    )
  }
  const statements = describeGrants(await readCatalog(session), roles)
  // One message without parameters is one implicit transaction.
  await session.query(`/* holdfast:core.grant */\n${statements.join('\n')}`)
}

function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
