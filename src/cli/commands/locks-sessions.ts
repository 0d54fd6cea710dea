import type { LocksOverview, SessionState } from '../../locks/index.js'
import { formatAge, showText, wrapText, type Terminal } from '../terminal.js'
import { formatAmount } from './locks-keys.js'

const deepest = 10

/** The blocking tree: two lines or three for each session, those who wait for it below. */
export function printSessions({ sessions, blocked }: LocksOverview, terminal: Terminal): void {
  if (sessions.length === 0) return
  terminal.print('')
  terminal.print(
    terminal.paint(
      'bold',
      `${formatAmount(blocked)} ${blocked.count === 1 ? 'session waits' : 'sessions wait'} in PostgreSQL`,
    ),
  )
  for (const session of sessions) printSession(session, terminal)
}

function printSession(session: SessionState, terminal: Terminal): void {
  const indent = '  '.repeat(Math.min(session.depth, deepest))
  const { pid, application, query } = session
  const name = pid === 0 ? application : `${application} (pid ${pid})`
  const facts = [name, describeState(session), ...describeWait(session)]
  for (const line of wrapText(showText(facts.join('  ')), terminal.width, indent)) terminal.print(line)
  if (query !== null)
    for (const line of wrapText(showText(query), terminal.width, `${indent}  | `)) terminal.print(line)
}

function describeState({ pid, state, stateMs }: SessionState): string {
  if (pid === 0) return 'prepared'
  if (state === null) return 'hidden from this role'
  return stateMs === null ? state : `${state} for ${formatAge(stateMs)}`
}

function describeWait({ lock, waitedMs, blocks }: SessionState): string[] {
  const facts: string[] = []
  if (lock !== null) {
    const what = [lock.type, lock.relation].filter(Boolean).join(' ')
    facts.push(`waits ${formatAge(waitedMs ?? 0)} for ${what} (${lock.mode})`)
  }
  if (blocks > 0) facts.push(`blocks ${blocks}`)
  return facts
}
