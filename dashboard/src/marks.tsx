import type { FindingSeverity, Severity } from '../../src/http/contract'

const words: Readonly<Record<Severity, string>> = { ok: 'OK', watch: 'Watch', act: 'Act now' }

/** Shape, sign and word together, so that colour is never what tells. */
export function SeverityMark({ severity }: { severity: Severity }) {
  return (
    <span class={`mark mark-${severity}`}>
      <svg viewBox="0 0 40 40" width="40" height="40" aria-hidden="true">
        {severity === 'ok' && <circle cx="20" cy="20" r="18" />}
        {severity === 'watch' && <path d="M20 3 38 35H2Z" />}
        {severity === 'act' && <path d="M13 2h14l11 11v14L27 38H13L2 27V13Z" />}
        {severity === 'ok' && <path class="sign" d="m12 20.5 5.5 5.5L28.5 14.5" />}
        {severity === 'watch' && <path class="sign" d="M20 14v10M20 29v.5" />}
        {severity === 'act' && <path class="sign" d="m14 14 12 12M26 14 14 26" />}
      </svg>
      <span class="mark-word">{words[severity]}</span>
    </span>
  )
}

const findingWords = { act: 'Act now', watch: 'Watch', info: 'Hint' } as const

export function FindingMark({ severity }: { severity: FindingSeverity }) {
  return <span class={`letter letter-${severity}`}>{findingWords[severity]}</span>
}

export function SeverityLetter({ severity }: { severity: Severity }) {
  if (severity === 'ok') return null
  return (
    <span class={`letter letter-${severity}`} title={words[severity]}>
      {severity === 'watch' ? 'W' : 'A'}
      <span class="unseen"> {words[severity]}</span>
    </span>
  )
}
