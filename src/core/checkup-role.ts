import type { Finding } from './checkup.js'
import { listMissingRights, readRole, type RoleRow } from './instance-store.js'
import type { Session } from './store.js'

/** Whether the connected role can do what is needed at run time, and in production whether it could do more. */
export async function checkRole(session: Session, isProduction: boolean): Promise<Finding[]> {
  const role = await readRole(session)
  return [judgePower(role, isProduction), judgeRights(role, await listMissingRights(session))]
}

function judgePower({ name, superuser, owner }: RoleRow, isProduction: boolean): Finding {
  const power = superuser ? 'is a superuser' : owner ? 'owns the schema holdfast' : ''
  const isRisky = isProduction && power !== ''
  return {
    id: 'role.power',
    severity: isRisky ? 'watch' : 'ok',
    evidence: power
      ? `The role ${name} ${power}${isRisky ? ': whoever takes over the application can drop or change every table' : ''}.`
      : `The role ${name} can change no table of holdfast.`,
    fix: isRisky ? 'Connect as a role of its own and grant it what it needs: holdfast migrate --grant-to <role>' : '',
    prove: 'select current_user, rolsuper from pg_roles where rolname = current_user;',
  }
}

function judgeRights({ name }: RoleRow, missing: readonly string[]): Finding {
  const isFine = missing.length === 0
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : ''
  return {
    id: 'role.grants',
    severity: isFine ? 'ok' : 'act',
    evidence: isFine
      ? `The role ${name} has every right that holdfast needs at run time.`
      : `The role ${name} lacks ${missing.slice(0, 5).join(', ')}${more}.`,
    fix: isFine ? '' : `As the owner of the schema: holdfast migrate --grant-to ${name}`,
    prove: 'holdfast doctor --json',
  }
}
