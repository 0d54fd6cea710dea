import type { BlockedSessionRow, LocksDocument } from '../../src/http/contract'
import { formatSpan } from './format'
import { showAmount } from './keys-table'
import { TableHead } from './table-head'

const columns = ['Session', 'State', 'Waits for', 'Since', 'Blocks'] as const
/** Deeper ones are not moved in further: on a narrow screen nothing would be left of them. */
const deepest = 6
/** As the verdict has it. */
const longMs = 5_000

export function BlockingTree({ document: { sessions, blocked } }: { document: LocksDocument }) {
  const waiting = sessions.filter(({ lock }) => lock !== null).length
  return (
    <section class="panel routes blocking" aria-labelledby="blocking-title">
      <header>
        <h2 id="blocking-title">Sessions that wait in PostgreSQL</h2>
        <p class="note">{describe(sessions.length, showAmount(blocked), blocked.count > waiting)}</p>
      </header>
      {sessions.length > 0 && (
        <table role="table">
          <TableHead columns={columns} />
          <tbody role="rowgroup">
            {sessions.map((session) => (
              <Row key={session.pid} session={session} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function describe(shown: number, blocked: string, isCut: boolean): string {
  if (shown === 0) return 'None: no session of this database waits for a lock.'
  const all = isCut ? ` ${blocked} wait in all; the longest waits are shown.` : ''
  return `Below each session those that wait for it; literals of statements are left out.${all}`
}

function Row({ session }: { session: BlockedSessionRow }) {
  const { pid, application, depth, query, lock, waitedMs, blocks } = session
  const isRoot = depth === 0 && blocks > 0
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <div class={`session depth-${Math.min(depth, deepest)}`}>
          <span class="route-name">{application}</span> {pid > 0 && <span class="note">pid {pid}</span>}{' '}
          {isRoot && <span class="state">root</span>}
          {depth > 0 && <span class="unseen"> waits for {session.blockedBy.join(', ')}</span>}
          {query !== null && <code class="statement">{query}</code>}
        </div>
      </th>
      <td role="cell" class="text" data-label="State">
        <State session={session} />
      </td>
      <td role="cell" class="text" data-label="Waits for">
        {lock === null ? '–' : describeLock(lock)}
      </td>
      <td role="cell" data-label="Since">
        {waitedMs === null ? '–' : formatSpan(waitedMs)}
      </td>
      <td role="cell" data-label="Blocks">
        {blocks === 0 ? '–' : blocks}
      </td>
    </tr>
  )
}

function State({ session }: { session: BlockedSessionRow }) {
  const { pid, state, stateMs, transactionMs, longestBlockedMs } = session
  const isCulprit = state?.startsWith('idle in transaction') === true && longestBlockedMs > longMs
  if (pid === 0) return <>prepared</>
  if (state === null) return <span class="note">hidden from this role</span>
  return (
    <>
      <span class={isCulprit ? 'culprit' : ''}>{state}</span>
      {stateMs !== null && ` for ${formatSpan(stateMs)}`}
      {(transactionMs ?? 0) > (stateMs ?? 0) + 1_000 && (
        <span class="note">, transaction {formatSpan(transactionMs ?? 0)}</span>
      )}
    </>
  )
}

const kinds: Readonly<Record<string, string>> = {
  transactionid: 'a row',
  tuple: 'a row',
  relation: 'the table',
  advisory: 'an advisory lock',
  virtualxid: 'the end of a transaction',
}

function describeLock({ type, mode, relation }: NonNullable<BlockedSessionRow['lock']>) {
  const kind = kinds[type] ?? type
  const named = relation === null ? kind : `${type === 'relation' ? kind : `${kind} of`} ${relation}`
  return (
    <>
      {named} <span class="note">{mode.replace(/Lock$/, '')}</span>
    </>
  )
}
