import type { Db } from 'holdfast'
import { inspectWatch } from 'holdfast/watch'
import type { AuditLog } from './audit-log.js'
import type { AuditView } from './model.js'

export interface AuditService {
  describe(): Promise<AuditView>
  turn(isOn: boolean): Promise<AuditView>
}

/** Whether the audit log is on, and whether watch has told on it. */
export function createAuditService({ db, log }: { db: Db; log: AuditLog }): AuditService {
  async function describe(): Promise<AuditView> {
    return { isOn: log.isOn, found: log.onSince === undefined ? null : await findOwn(log.onSince) }
  }

  async function findOwn(since: Date): Promise<AuditView['found']> {
    const { findings } = await inspectWatch(db).findings({ since })
    const own = findings.find(({ kind, subject }) => kind === 'sync-call' && subject.includes('audit/audit-log.'))
    if (own === undefined) return null
    const { routes } = own.evidence as { routes?: string[] }
    return { place: own.subject, routes: routes ?? [own.route], sentence: own.sentence }
  }

  async function turn(isOn: boolean): Promise<AuditView> {
    await log.turn(isOn)
    return await describe()
  }

  return { describe, turn }
}
