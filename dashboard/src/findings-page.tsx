import type { FindingRow, FindingSeverity, FindingsDocument } from '../../src/http/contract'
import { FindingItem } from './finding-item'
import { nameKind } from './finding-kinds'
import { findings, findingsReadAt } from './findings-state'
import { LookBack } from './look-back'
import { Verdict } from './verdict'
import { findingKind, findingSeverities, findingSeverity } from './view-state'

export { startFindings } from './findings-state'

const titles = { act: 'Act now', watch: 'Watch', info: 'Hints' } as const
const notes = {
  act: 'Users wait for this.',
  watch: 'Worth a look today.',
  info: 'Wasteful; nobody waits for it yet.',
} as const

export function FindingsPage() {
  const document = findings.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={findingsReadAt.value} />
      {document?.isConnected === true && <Found document={document} />}
    </>
  )
}

function Found({ document }: { document: FindingsDocument }) {
  const shown = document.findings.filter(
    ({ kind, severity }) =>
      (findingKind.value === '' || kind === findingKind.value) &&
      (findingSeverity.value === '' || severity === findingSeverity.value),
  )
  return (
    <>
      <Filter all={document.findings} />
      {findingSeverities.map((severity) => (
        <Group key={severity} severity={severity} rows={shown.filter((row) => row.severity === severity)} />
      ))}
      {shown.length === 0 && <Empty isFiltered={document.findings.length > 0} />}
      {document.isMore && <p class="note">The first {document.findings.length}; there are more.</p>}
    </>
  )
}

function Filter({ all }: { all: readonly FindingRow[] }) {
  const kinds = [...new Set([...all.map(({ kind }) => kind), findingKind.value])].filter(Boolean).toSorted()
  return (
    <div class="ask findings-filter" role="group" aria-label="What is shown">
      <LookBack id="findings-window" />
      <label for="finding-severity">Severity</label>
      <select
        id="finding-severity"
        value={findingSeverity.value}
        onChange={(event) => (findingSeverity.value = event.currentTarget.value as FindingSeverity | '')}
      >
        <option value="">all</option>
        {findingSeverities.map((severity) => (
          <option key={severity} value={severity}>
            {titles[severity]}
          </option>
        ))}
      </select>
      <label for="finding-kind">Kind</label>
      <select
        id="finding-kind"
        value={findingKind.value}
        onChange={(event) => (findingKind.value = event.currentTarget.value)}
      >
        <option value="">all</option>
        {kinds.map((kind) => (
          <option key={kind} value={kind}>
            {nameKind(kind)}
          </option>
        ))}
      </select>
    </div>
  )
}

function Group({ severity, rows }: { severity: FindingSeverity; rows: readonly FindingRow[] }) {
  if (rows.length === 0) return null
  return (
    <section class="panel findings" aria-labelledby={`findings-${severity}`}>
      <header>
        <h2 id={`findings-${severity}`}>
          {titles[severity]} ({rows.length})
        </h2>
        <p class="note">{notes[severity]}</p>
      </header>
      <ul class="finding-list">
        {rows.map((finding) => (
          <FindingItem key={finding.id} finding={finding} />
        ))}
      </ul>
    </section>
  )
}

function Empty({ isFiltered }: { isFiltered: boolean }) {
  return (
    <section class="panel empty">
      {isFiltered ? (
        <p>
          None of this kind and severity.{' '}
          <button
            type="button"
            class="quiet"
            onClick={() => {
              findingKind.value = ''
              findingSeverity.value = ''
            }}
          >
            Show all
          </button>
        </p>
      ) : (
        <p>
          Nothing was found in this time. Findings come from processes that call <code>watch(db)</code>; look back
          further, or send some traffic.
        </p>
      )}
    </section>
  )
}
