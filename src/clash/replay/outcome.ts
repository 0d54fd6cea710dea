import type { Change } from '../store.js'

/** What two requests left behind, and what they answered. */
export interface Outcome {
  changes: readonly Change[]
  statuses: readonly [number, number]
  bodies: readonly [unknown, unknown]
}

/** The columns in which two runs of the same order differ: by a clock, at random, or with a number of their own. */
export function findMasks(one: Outcome, other: Outcome): string[] {
  const [first, second] = [one, other].map(collect) as [Map<string, string[]>, Map<string, string[]>]
  const names = new Set([...first.keys(), ...second.keys()])
  return [...names].filter((name) => {
    const [a, b] = [first, second].map((values) => (values.get(name) ?? []).toSorted().join('\n'))
    return a !== b
  })
}

/** The values of each column, of rows before and after. */
function collect({ changes }: Outcome): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (const { table, new: row } of changes) {
    for (const [column, value] of Object.entries(row ?? {})) {
      const name = `${table}.${column}`
      const list = values.get(name) ?? []
      values.set(name, list)
      list.push(JSON.stringify(value))
    }
  }
  return values
}

/** Rows that came and rows that went, without those that are as they had been: one text for one outcome. */
export function describeChanges({ changes }: Outcome, masks: ReadonlySet<string>): string {
  const counts = new Map<string, number>()
  const add = (table: string, row: Record<string, unknown> | null, by: number) => {
    if (row === null) return
    // Of a clock or a number drawn it still counts whether it is there: `deleted_at` says that a row is gone.
    const hide = (column: string, value: unknown) => (value !== null && masks.has(`${table}.${column}`) ? '…' : value)
    const shown = Object.entries(row).map(([column, value]) => [column, hide(column, value)] as const)
    const key = `${table} ${JSON.stringify(Object.fromEntries(shown.toSorted(([a], [b]) => (a < b ? -1 : 1))))}`
    counts.set(key, (counts.get(key) ?? 0) + by)
  }
  for (const { table, old, new: row } of changes) {
    add(table, old, -1)
    add(table, row, 1)
  }
  return [...counts]
    .filter(([, count]) => count !== 0)
    .map(([key, count]) => `${count > 0 ? '+' : ''}${count} ${key}`)
    .toSorted()
    .join('\n')
}

/** How one differs from another: tables, columns and numbers of rows, no values. */
export function explainDifference(outcome: Outcome, serial: Outcome, masks: ReadonlySet<string>): string {
  const words: string[] = []
  const [a, b] = outcome.statuses
  const [c, d] = serial.statuses
  if (a !== c || b !== d) words.push(`the answers were ${a} and ${b} instead of ${c} and ${d}`)
  const [here, there] = [outcome, serial].map((each) => readNet(each, masks)) as [Map<string, Net>, Map<string, Net>]
  for (const table of new Set([...here.keys(), ...there.keys()])) {
    const [own, other] = [here.get(table) ?? nothing, there.get(table) ?? nothing]
    if (own.rows !== other.rows) words.push(`${table} has ${countRows(own.rows)} instead of ${countRows(other.rows)}`)
    else if (own.text !== other.text) words.push(`${table} differs in ${findColumns(own, other).join(', ')}`)
  }
  return words.length === 0 ? 'the changes are others' : words.join('; ')
}

interface Net {
  rows: number
  text: string
  values: Map<string, string[]>
}

const nothing: Net = { rows: 0, text: '', values: new Map() }
const countRows = (rows: number): string => `${rows > 0 ? '+' : ''}${rows} ${Math.abs(rows) === 1 ? 'row' : 'rows'}`

function readNet(outcome: Outcome, masks: ReadonlySet<string>): Map<string, Net> {
  const nets = new Map<string, Net>()
  for (const line of describeChanges(outcome, masks).split('\n').filter(Boolean)) {
    const [, sign = '', table = '', row = '{}'] = /^([+-]\d+) (.*?) (\{.*)$/s.exec(line) ?? []
    const net = nets.get(table) ?? { rows: 0, text: '', values: new Map<string, string[]>() }
    nets.set(table, net)
    net.rows += Number(sign)
    net.text += `${line}\n`
    if (Number(sign) < 0) continue
    for (const [column, value] of Object.entries(JSON.parse(row) as Record<string, unknown>))
      net.values.set(column, [...(net.values.get(column) ?? []), JSON.stringify(value)])
  }
  return nets
}

function findColumns(own: Net, other: Net): string[] {
  const names = [...new Set([...own.values.keys(), ...other.values.keys()])]
  const differing = names.filter(
    (name) =>
      (own.values.get(name) ?? []).toSorted().join('\n') !== (other.values.get(name) ?? []).toSorted().join('\n'),
  )
  return differing.length > 0 ? differing : ['which rows have what']
}
