import { useEffect, useRef, useState } from 'preact/hooks'
import type { Verdict as VerdictDocument } from '../../src/http/contract'
import { formatTime } from './format'
import { isStale } from './live'
import { SeverityMark } from './marks'

/** The answer to "is anything wrong?", before any figure. */
export function Verdict({ verdict, newestAt }: { verdict: VerdictDocument | undefined; newestAt: number | undefined }) {
  if (verdict === undefined) return <section class="verdict verdict-none">Asking this process…</section>
  return (
    <section class={`verdict verdict-${verdict.severity}`} aria-labelledby="verdict-sentence">
      <SeverityMark severity={verdict.severity} />
      <div class="verdict-text">
        <h1 id="verdict-sentence">{verdict.sentence}</h1>
        {verdict.fix !== undefined && (
          <p class="fix">
            <b>What to do</b> {withCode(verdict.fix)}
          </p>
        )}
        <Also sentences={verdict.also} />
        {isStale.value && newestAt !== undefined && (
          <p class="stale-note">These figures are from {formatTime(newestAt)} and not current.</p>
        )}
      </div>
      <Announcer verdict={verdict} />
    </section>
  )
}

function Also({ sentences }: { sentences: readonly string[] }) {
  if (sentences.length === 0) return null
  return (
    <ul class="also" aria-label="Also seen">
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  )
}

/** The sentence changes every second with its numbers; read aloud is only that it became another one. */
function Announcer({ verdict }: { verdict: VerdictDocument }) {
  const kind = `${verdict.severity} ${verdict.sentence.replace(/[\d.,]+/g, '')}`
  const lastKind = useRef('')
  const [spoken, speak] = useState('')
  useEffect(() => {
    if (kind === lastKind.current) return
    lastKind.current = kind
    speak(verdict.sentence)
  }, [kind, verdict.sentence])
  return (
    <p class="unseen" aria-live="polite" role="status">
      {spoken}
    </p>
  )
}

function withCode(text: string) {
  return text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))
}
