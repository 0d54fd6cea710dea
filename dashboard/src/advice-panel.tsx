import type { AdviceDocument, AdviceRow } from '../../src/http/contract'
import { CopyButton } from './copy-button'
import { formatBytes, formatCount, formatMs, formatShare, joinFigure } from './format'
import { advised, askAdvice } from './queries-state'

/** An index for the opened statement, with its proof. */
export function AdvicePanel({ statement }: { statement: string }) {
  const state = advised.value
  const isAsking = state?.is === 'asking'
  return (
    <section class="advice" aria-labelledby="advice-title">
      <h3 id="advice-title">An index for it</h3>
      {state?.is !== 'answered' && (
        <div class="ask">
          <button type="button" class="quiet strong" disabled={isAsking} onClick={() => void askAdvice(statement)}>
            {isAsking ? 'Looking…' : 'Look for an index'}
          </button>
          <p class="note">Candidates are tried and proven before one is advised; your tables are not changed.</p>
        </div>
      )}
      <div role="status">{state?.is === 'answered' && <Answer answer={state.answer} />}</div>
      <div role="alert">{state?.is === 'failed' && <p class="refusal">{state.reason}</p>}</div>
    </section>
  )
}

function Answer({ answer: { advice, refused } }: { answer: AdviceDocument }) {
  return (
    <>
      {advice.map((row) => (
        <Advice key={row.ddl} row={row} />
      ))}
      {advice.length === 0 && <p>No index is advised.</p>}
      {refused.length > 0 && (
        <ul class="reasons" aria-label="Why not">
          {refused.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </>
  )
}

function Advice({ row: { ddl, proof, sizeBytes, writeCost, makesRedundant } }: { row: AdviceRow }) {
  const { msBefore, msAfter, costBefore, costAfter } = proof
  return (
    <article class="advice-row">
      <div class="copyable">
        <pre tabIndex={0} aria-label="Index">
          {ddl}
        </pre>
        <CopyButton text={ddl} what="the index" />
      </div>
      <dl class="facts">
        {msBefore !== undefined && msAfter !== undefined && (
          <Fact label="Time" value={`${joinFigure(formatMs(msBefore))} → ${joinFigure(formatMs(msAfter))}`} />
        )}
        <Fact label="Cost" value={`${joinFigure(formatCount(costBefore))} → ${joinFigure(formatCount(costAfter))}`} />
        <Fact label="Proven by" value={describeProof(proof)} />
        <Fact label="Size" value={`about ${joinFigure(formatBytes(sizeBytes))}`} />
        <Fact label="Each write" value={writeCost} />
        {makesRedundant.length > 0 && <Fact label="Makes redundant" value={makesRedundant.join(', ')} />}
      </dl>
    </article>
  )
}

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  )
}

function describeProof({ by, sampledShare }: AdviceRow['proof']): string {
  if (by === 'hypopg') return 'the planner, with hypopg'
  const share = sampledShare === undefined ? 'a part' : joinFigure(formatShare(sampledShare))
  return `a copy of ${share} of the rows`
}
