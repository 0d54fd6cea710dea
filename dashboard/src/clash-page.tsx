import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { ClashesDocument, ClashRow } from '../../src/http/contract'
import { clashes, clashesReadAt, hasFailed } from './clash-state'
import { formatCount, formatMs, joinFigure } from './format'
import { SeverityLetter } from './marks'
import { OneClash } from './one-clash'
import { Opener } from './opener'
import { TableHead } from './table-head'
import { Verdict } from './verdict'
import { clashId } from './view-state'

export { startClash } from './clash-state'

export function ClashPage() {
  const document = clashes.value
  if (document === null && hasFailed.value) return <Failed />
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={clashesReadAt.value} />
      {document?.isConnected === true && <Found document={document} />}
    </>
  )
}

/** Before anything was shown: later the figures stay, and the header tells that they are not current. */
function Failed() {
  return (
    <section class="panel empty" role="alert">
      <p>The application did not tell what collides; it is asked again. Is it running, and its database with it?</p>
    </section>
  )
}

function Found({ document: { clashes: rows, isMore } }: { document: ClashesDocument }) {
  const open = rows.filter(({ protectedBy }) => protectedBy === null)
  const kept = rows.filter(({ protectedBy }) => protectedBy !== null)
  if (rows.length === 0)
    return (
      <>
        <Empty />
        <OneClash />
      </>
    )
  return (
    <>
      {open.length > 0 && <Open rows={open} />}
      {isMore && <p class="note">The first {rows.length} pairs; there are more.</p>}
      <OneClash />
      {kept.length > 0 && <Kept rows={kept} />}
    </>
  )
}

function Empty() {
  return (
    <section class="panel empty">
      <h2>Nothing found yet</h2>
      <p>
        Processes that call <code>watch(db)</code> follow requests for half a second in ten, so a route that is rarely
        asked for may take a while. Send some traffic, or follow always, in development:
      </p>
      <pre tabIndex={0} aria-label="How to follow always">
        {'watch(db, { clashEveryMs: 0 })'}
      </pre>
    </section>
  )
}

function Open({ rows }: { rows: readonly ClashRow[] }) {
  return (
    <section class="panel routes clash-list" aria-labelledby="clash-title">
      <header>
        <h2 id="clash-title">Can collide ({rows.length})</h2>
        <p class="note">Those that really met most often first. Open one for its statements and a way to prove it.</p>
      </header>
      <table role="table">
        <TableHead columns={['Pair', 'Really met', 'Window', 'Replay']} />
        <tbody role="rowgroup">
          {rows.map((row) => (
            <Row key={row.id} row={row}>
              {row.replay === null ? '–' : row.replay === 'clash' ? 'shows it' : 'found none'}
            </Row>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** Folded, unless the pair that is opened is one of them. */
function Kept({ rows }: { rows: readonly ClashRow[] }) {
  const [isUnfolded, unfold] = useState(rows.some(({ id }) => id === clashId.peek()))
  return (
    <details
      class="panel routes clash-list clash-kept"
      open={isUnfolded}
      onToggle={(event) => unfold(event.currentTarget.open)}
    >
      <summary>
        <h2>Kept apart ({rows.length})</h2>{' '}
        <span class="note">They meet at the same rows, and something prevents it.</span>
      </summary>
      <table role="table">
        <TableHead columns={['Pair', 'Really met', 'Window', 'Protected by']} />
        <tbody role="rowgroup">
          {rows.map((row) => (
            <Row key={row.id} row={row}>
              {row.protectedBy}
            </Row>
          ))}
        </tbody>
      </table>
    </details>
  )
}

function Row({ row, children }: { row: ClashRow; children: ComponentChildren }) {
  const { id, severity, kind, overlaps, windowMs, protectedBy } = row
  const isOpen = clashId.value === id
  return (
    <tr role="row" class={isOpen ? 'is-open' : undefined}>
      <th role="rowheader" scope="row">
        <Opener
          label={`${kind} in ${namePlace(row)}`}
          isOpen={isOpen}
          onToggle={() => (clashId.value = isOpen ? '' : id)}
        />
        <p class="note under">
          <SeverityLetter severity={severity} />
          <Routes row={row} />
        </p>
      </th>
      <td role="cell" data-label="Really met">
        {overlaps === 0 ? 'not seen' : joinFigure(formatCount(overlaps))}
      </td>
      <td role="cell" data-label="Window">
        {joinFigure(formatMs(windowMs))}
      </td>
      <td
        role="cell"
        class={protectedBy === null ? undefined : 'clash-by'}
        data-label={protectedBy === null ? 'Replay' : 'Protected by'}
      >
        {children}
      </td>
    </tr>
  )
}

function Routes({ row: { first, second } }: { row: ClashRow }) {
  return (
    <>
      <span class="route-name">{first}</span> and{' '}
      {first === second ? 'itself' : <span class="route-name">{second}</span>}
    </>
  )
}

export const namePlace = ({ table, columns }: Pick<ClashRow, 'table' | 'columns'>): string =>
  columns.length === 0 ? table : `${table} (${columns.join(', ')})`
