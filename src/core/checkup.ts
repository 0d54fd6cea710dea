import { checkRole } from './checkup-role.js'
import { findDrift } from './drift.js'
import { readMigrationStates } from './migration-states.js'
import { readCatalog, readServer, readSettings, type Session, type SettingRow } from './store.js'

/** One thing that was looked at. `ok` findings are kept: a list of what was checked is an answer too. */
export interface Finding {
  /** Stable name of the check, e.g. `setting.fsync`. */
  id: string
  severity: 'ok' | 'watch' | 'act'
  /** One sentence with its figures. */
  evidence: string
  /** What to do; empty when ok. */
  fix: string
  /** A command that shows it. */
  prove: string
}

interface SettingRule {
  name: string
  severity: 'watch' | 'act'
  isRisky: (setting: string) => boolean
  why: string
  fix: string
}

const settingRules: readonly SettingRule[] = [
  {
    name: 'fsync',
    severity: 'act',
    isRisky: (setting) => setting === 'off',
    why: 'a power cut can corrupt every table',
    fix: 'alter system set fsync = on; select pg_reload_conf();',
  },
  {
    name: 'full_page_writes',
    severity: 'act',
    isRisky: (setting) => setting === 'off',
    why: 'a power cut can leave half-written pages',
    fix: 'alter system set full_page_writes = on; select pg_reload_conf();',
  },
  {
    name: 'synchronous_commit',
    severity: 'watch',
    isRisky: (setting) => setting === 'off',
    why: 'transactions answered as committed can be lost in a crash',
    fix: 'alter system set synchronous_commit = on; select pg_reload_conf();',
  },
  {
    name: 'client_connection_check_interval',
    severity: 'watch',
    isRisky: (setting) => setting === '0',
    why: 'a query goes on for a client that is gone until it ends by itself',
    fix: "alter system set client_connection_check_interval = '1s'; select pg_reload_conf();",
  },
  {
    name: 'idle_in_transaction_session_timeout',
    severity: 'watch',
    isRisky: (setting) => setting === '0',
    why: 'a forgotten transaction keeps its locks and holds vacuum back for ever',
    fix: "alter role current_user set idle_in_transaction_session_timeout = '60s';",
  },
  {
    name: 'password_encryption',
    severity: 'watch',
    isRisky: (setting) => setting === 'md5',
    why: 'md5 hashes can be replayed by whoever reads them',
    fix: "alter system set password_encryption = 'scram-sha-256'; select pg_reload_conf(); then set each password again",
  },
]

/** What core can judge by itself: versions, settings, and whether the schema is what this package's migrations make. */
export async function checkDatabase(session: Session): Promise<Finding[]> {
  return [
    checkNode(process.versions.node),
    checkVersion(await readServer(session)),
    ...checkSettings(
      await readSettings(
        session,
        settingRules.map(({ name }) => name),
      ),
    ),
    ...(await checkAccess(session)),
  ]
}

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < 20 || (major === 20 && minor < 19)
  return {
    id: 'node.version',
    severity: isOld ? 'act' : 'ok',
    evidence: `Node ${version}; holdfast is tested on 20.19 and later.`,
    fix: isOld ? 'Upgrade Node to 20.19 or later.' : '',
    prove: 'node --version',
  }
}

function checkVersion({ version, major }: { version: string; major: number }): Finding {
  const isUntested = major > 18
  return {
    id: 'server.version',
    severity: isUntested ? 'watch' : 'ok',
    evidence: `PostgreSQL ${version}; holdfast is tested on 15 to 18.`,
    fix: isUntested ? 'Look for a newer holdfast that names this version.' : '',
    prove: 'select version();',
  }
}

function checkSettings(rows: readonly SettingRow[]): Finding[] {
  const values = new Map(rows.map(({ name, setting, unit }) => [name, { setting, unit }]))
  return settingRules.map(({ name, severity, isRisky, why, fix }) => {
    const value = values.get(name)
    const shown = value
      ? `${value.setting}${value.unit && value.setting !== '0' ? ` ${value.unit}` : ''}`
      : 'unknown here'
    const risky = value !== undefined && isRisky(value.setting)
    return {
      id: `setting.${name}`,
      severity: risky ? severity : 'ok',
      evidence: risky ? `${name} is ${shown}: ${why}.` : `${name} is ${shown}.`,
      fix: risky ? fix : '',
      prove: `show ${name};`,
    }
  })
}

/** Without the rights to look, what was looked at would be reported as missing. */
async function checkAccess(session: Session): Promise<Finding[]> {
  const findings = await checkRole(session, process.env['NODE_ENV'] === 'production')
  const isBlind = findings.some(({ severity }) => severity === 'act')
  return isBlind ? findings : [...findings, ...(await checkSchema(session))]
}

async function checkSchema(session: Session): Promise<Finding[]> {
  const states = await readMigrationStates(session)
  const wrong = states.filter(({ state }) => state !== 'applied')
  const migrations: Finding = {
    id: 'schema.migrations',
    severity: wrong.length === 0 ? 'ok' : 'act',
    evidence:
      wrong.length === 0
        ? `All ${states.length} migrations are applied.`
        : `${wrong.length} of ${states.length} migrations are not as this package expects: ${wrong.map(({ name, state }) => `${name} ${state}`).join(', ')}.`,
    fix: wrong.length === 0 ? '' : 'holdfast migrate',
    prove: 'holdfast migrate --status',
  }
  // With migrations missing every later object is missing too: one finding says it.
  if (wrong.some(({ state }) => state === 'pending')) return [migrations]
  return [migrations, describeDrift(findDrift(await readCatalog(session)))]
}

function describeDrift(drift: ReturnType<typeof findDrift>): Finding {
  const shown = drift.slice(0, 5).map(({ kind, name, state }) => `${kind} ${name} ${state}`)
  const more = drift.length > 5 ? ` and ${drift.length - 5} more` : ''
  return {
    id: 'schema.drift',
    severity: drift.length === 0 ? 'ok' : drift.every(({ state }) => state === 'extra') ? 'watch' : 'act',
    evidence:
      drift.length === 0
        ? 'The schema is what the migrations make.'
        : `The schema differs from what the migrations make: ${shown.join(', ')}${more}.`,
    fix:
      drift.length === 0 ? '' : 'Undo what was changed by hand; `holdfast migrate --print` shows what belongs there.',
    prove: 'holdfast doctor --json',
  }
}
