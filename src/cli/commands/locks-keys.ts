import type { HolderState, KeyState, LocksOverview, OpenedKey, WaiterState } from '../../locks/index.js'
import { formatAge, formatNamedTable, showText, type Terminal } from '../terminal.js'

const right = 'right' as const
const keyColumns = [
  { title: 'key' },
  { title: 'held by' },
  { title: 'for', align: right },
  { title: 'lease', align: right },
  { title: 'waiting', align: right },
  { title: 'longest', align: right },
]
const mostNameChars = 24

export function printKeys({ keys, isPartial }: LocksOverview, terminal: Terminal): void {
  if (keys.length === 0) return
  const rows = keys.map(({ key, holder, holders, waiting, longestWaitMs }) => [
    showText(key),
    holder === null ? '-' : cut(`${showOwner(holder)}${holders.count > 1 ? ` +${holders.count - 1}` : ''}`),
    holder === null ? '-' : formatAge(holder.heldMs),
    holder === null ? '-' : formatLease(holder),
    formatAmount(waiting),
    longestWaitMs === null ? '-' : formatAge(longestWaitMs),
  ])
  terminal.print('')
  for (const line of formatNamedTable(keyColumns, rows, terminal.width)) terminal.print(line)
  if (isPartial) terminal.progress('There are very many requests: only the oldest and the newest were looked at.')
}

const entryColumns = [
  { title: 'owner' },
  { title: 'state' },
  { title: 'since', align: right },
  { title: 'lease', align: right },
  { title: 'fence', align: right },
  { title: 'label' },
]

export function printOpened({ waiting }: KeyState, { key, holders, waiters }: OpenedKey, terminal: Terminal): void {
  terminal.print(terminal.paint('bold', showText(key)))
  const rows = [...holders.map(describeHolder), ...waiters.map(describeWaiter)]
  for (const line of formatNamedTable(entryColumns, rows, terminal.width)) terminal.print(line)
  if (waiting.count > waiters.length)
    terminal.progress(`The first ${waiters.length} of ${formatAmount(waiting)} waiting.`)
}

function describeHolder(holder: HolderState): string[] {
  const { mode, heldMs, fence, label } = holder
  return [
    showOwner(holder),
    mode === 'shared' ? 'shared' : 'holds',
    formatAge(heldMs),
    formatLease(holder),
    fence,
    cut(label ?? ''),
  ]
}

function describeWaiter(waiter: WaiterState): string[] {
  const { mode, waitedMs, isLapsed, keys, label } = waiter
  const state = isLapsed ? 'died' : mode === 'shared' ? 'waits, shared' : 'waits'
  return [
    showOwner(waiter),
    keys > 1 ? `${state} (${keys} keys)` : state,
    formatAge(waitedMs),
    '',
    '',
    cut(label ?? ''),
  ]
}

function showOwner({ owner }: { owner: string | null }): string {
  return owner === null ? '(gone)' : showText(owner)
}

function formatLease({ leaseLeftMs, isLapsed }: HolderState): string {
  return isLapsed || leaseLeftMs === null ? 'lapsed' : `in ${formatAge(leaseLeftMs)}`
}

export function formatAmount({ count, isMore }: KeyState['waiting']): string {
  return `${count.toLocaleString('en-US')}${isMore ? '+' : ''}`
}

function cut(text: string): string {
  const shown = showText(text)
  return shown.length <= mostNameChars ? shown : `${shown.slice(0, mostNameChars - 1)}…`
}
