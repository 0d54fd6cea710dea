import type { LockAmount, LockHolderRow, LockKeyRow, LocksDocument, LockWaiterRow } from '../../src/http/contract'
import { formatCount, formatSpan } from './format'
import { toggleKey } from './locks-state'
import { lockKey } from './view-state'
import { Opener } from './opener'
import { TableHead } from './table-head'

const columns = ['Key', 'Held by', 'For', 'Lease ends', 'Fence', 'Waiting', 'Longest wait'] as const

export function KeysTable({ document: { keys, opened, held, isPartial } }: { document: LocksDocument }) {
  return (
    <section class="panel routes keys" aria-labelledby="keys-title">
      <header>
        <h2 id="keys-title">Named locks</h2>
        <p class="note">
          {keys.length === 0
            ? 'None is held or waited for; createLocks() makes them.'
            : `The most contended first; ${showAmount(held)} held.`}
          {isPartial && ' There are so many that only the oldest and the newest requests were looked at.'}
        </p>
      </header>
      {keys.length > 0 && (
        <table role="table">
          <TableHead columns={columns} />
          <tbody role="rowgroup">
            {keys.map((row) => (
              <Row key={row.key} row={row} opened={opened} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Row({ row, opened }: { row: LockKeyRow; opened: LocksDocument['opened'] }) {
  const { key, holder, holders, waiting, longestWaitMs } = row
  const isOpen = lockKey.value === key
  return (
    <>
      <tr role="row">
        <th role="rowheader" scope="row">
          <Opener label={key} isOpen={isOpen} onToggle={() => toggleKey(key)} />
        </th>
        <td role="cell" class="holder" data-label="Held by">
          {holder === null ? 'nobody' : <Holder holder={holder} others={holders.count - 1} />}
        </td>
        <td role="cell" data-label="For">
          {holder === null ? '–' : formatSpan(holder.heldMs)}
        </td>
        <td role="cell" data-label="Lease ends">
          {holder === null ? '–' : <Lease holder={holder} />}
        </td>
        <td role="cell" data-label="Fence">
          {holder?.fence ?? '–'}
        </td>
        <td role="cell" data-label="Waiting">
          {showAmount(waiting)}
        </td>
        <td role="cell" data-label="Longest wait">
          {longestWaitMs === null ? '–' : formatSpan(longestWaitMs)}
        </td>
      </tr>
      {isOpen && opened?.key === key && (
        <tr role="row" class="opened">
          <td role="cell" colSpan={columns.length}>
            <Opened row={row} opened={opened} />
          </td>
        </tr>
      )}
    </>
  )
}

function Holder({ holder: { owner, label, mode }, others }: { holder: LockHolderRow; others: number }) {
  return (
    <>
      <code>{owner ?? 'a process that is gone'}</code> {label !== null && <span class="note">{label}</span>}{' '}
      {mode === 'shared' && <span class="state">shared</span>}
      {others > 0 && <span class="note"> and {formatCount(others).text} more</span>}
    </>
  )
}

function Lease({ holder: { leaseLeftMs, isLapsed } }: { holder: LockHolderRow }) {
  if (!isLapsed) return <>in {formatSpan(leaseLeftMs ?? 0)}</>
  return <span class="state state-dead">lapsed{leaseLeftMs !== null && ` ${formatSpan(-leaseLeftMs)} ago`}</span>
}

function Opened({ row, opened }: { row: LockKeyRow; opened: NonNullable<LocksDocument['opened']> }) {
  const { holders, waiters } = opened
  return (
    <>
      {holders.length > 1 && (
        <ul aria-label="Holders" class="entries">
          {holders.map((holder) => (
            <li key={holder.fence}>
              <Holder holder={holder} others={0} /> <span class="note">for {formatSpan(holder.heldMs)},</span> lease
              ends <Lease holder={holder} />
            </li>
          ))}
        </ul>
      )}
      {waiters.length === 0 ? (
        <p class="note">Nobody waits for it.</p>
      ) : (
        <ol aria-label={`Waiting for ${opened.key}`} class="entries">
          {waiters.map((waiter, n) => (
            <Waiter key={n} waiter={waiter} />
          ))}
        </ol>
      )}
      {row.waiting.count > waiters.length && (
        <p class="note">
          The first {waiters.length} of {showAmount(row.waiting)}.
        </p>
      )}
    </>
  )
}

function Waiter({ waiter: { owner, label, mode, waitedMs, keys, isLapsed } }: { waiter: LockWaiterRow }) {
  return (
    <li>
      <code>{owner ?? 'a process that is gone'}</code> {label !== null && <span class="note">{label}</span>}{' '}
      {mode === 'shared' && <span class="state">shared</span>}{' '}
      {isLapsed && <span class="state state-lapsed">died</span>} waits for {formatSpan(waitedMs)}
      {keys > 1 && (
        <span class="note">
          , together with {keys - 1} other {keys === 2 ? 'key' : 'keys'}
        </span>
      )}
    </li>
  )
}

export function showAmount({ count, isMore }: LockAmount): string {
  return `${formatCount(count).text}${isMore ? '+' : ''}`
}
