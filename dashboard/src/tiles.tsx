import type { ComponentChildren } from 'preact'
import type { NowDocument, Second, Severity } from '../../src/http/contract'
import { formatMs, formatRate, formatShare, joinFigure, type Figure } from './format'
import { now, seconds } from './live'
import { SeverityLetter } from './marks'
import { requestsPerSecond, shareOfErrors } from './measures'
import { Slots } from './slots'
import { Spark } from './spark'

const minRequests = 20

export function Tiles() {
  const document = now.value
  const all = seconds.value
  const last = all.at(-1)
  if (document === null || last === undefined) return null
  const { overall } = document
  return (
    <section class="tiles" aria-label="Key figures">
      <Tile
        label="Requests"
        figure={formatRate(overall.perSecond)}
        all={all}
        of={requestsPerSecond}
        floor={1}
        format={formatRate}
      />
      <Tile
        label="P95"
        figure={formatMs(overall.p95)}
        all={all}
        of={(second) => second.p95}
        floor={1}
        format={formatMs}
      />
      <Tile
        label="Loop delay P99"
        figure={formatMs(last.loopP99)}
        severity={judgeLoop(last)}
        all={all}
        of={(second) => second.loopP99}
        floor={20}
        format={formatMs}
      />
      <Tile
        label="Loop busy"
        figure={formatShare(last.utilisation)}
        severity={last.utilisation > 0.9 ? 'watch' : 'ok'}
        all={all}
        of={(second) => second.utilisation}
        floor={1}
        format={formatShare}
      />
      <Tile
        label="libuv wait"
        figure={formatMs(last.threadpoolWaitMs)}
        severity={judgeThreadpool(last)}
        all={all}
        of={(second) => second.threadpoolWaitMs}
        floor={5}
        format={formatMs}
      />
      <PoolTile document={document} last={last} />
      <Tile
        label="Acquire wait P95"
        figure={formatMs(last.acquireP95)}
        all={all}
        of={(second) => second.acquireP95}
        floor={1}
        format={formatMs}
      />
      <Tile
        label="Errors"
        figure={formatShare(overall.errorShare)}
        severity={judgeErrors(document)}
        all={all}
        of={shareOfErrors}
        floor={0.05}
        format={formatShare}
      />
    </section>
  )
}

interface TileProps {
  label: string
  figure: Figure
  severity?: Severity
  all: readonly Second[]
  of: (second: Second) => number
  floor: number
  format: (value: number) => Figure
}

function Tile({ label, figure, severity = 'ok', all, of, floor, format }: TileProps) {
  const highest = Math.max(0, ...all.slice(-60).map(of))
  return (
    <TileFrame label={label} severity={severity} figure={figure} note={`highest ${joinFigure(format(highest))}`}>
      <Spark seconds={all} of={of} floor={floor} />
    </TileFrame>
  )
}

function PoolTile({ document, last }: { document: NowDocument; last: Second }) {
  const { max } = document.pool
  const isStarved = last.poolWaiting > 0 && last.poolBusy >= max
  const note = last.poolWaiting === 0 ? 'nobody waits' : `${last.poolWaiting} waiting`
  return (
    <TileFrame
      label="Pool busy"
      severity={isStarved ? 'act' : 'ok'}
      figure={{ text: String(last.poolBusy), unit: `of ${max}` }}
      note={note}
    >
      <Slots max={max} busy={last.poolBusy} waiting={last.poolWaiting} />
    </TileFrame>
  )
}

interface FrameProps {
  label: string
  severity: Severity
  figure: Figure
  note: string
  children: ComponentChildren
}

function TileFrame({ label, severity, figure, note, children }: FrameProps) {
  return (
    <div class={`tile tile-${severity}`}>
      <h2>
        {label} <SeverityLetter severity={severity} />
      </h2>
      <p class="figure">
        {figure.text}
        <span class="unit">{figure.unit}</span>
      </p>
      {children}
      <p class="note">{note}</p>
    </div>
  )
}

function judgeLoop(last: Second): Severity {
  if (last.loopMax > 200) return 'act'
  return last.loopP99 > 50 ? 'watch' : 'ok'
}

function judgeThreadpool({ threadpoolWaitMs: ms }: Second): Severity {
  return ms >= 250 ? 'act' : ms >= 50 ? 'watch' : 'ok'
}

function judgeErrors({ overall }: NowDocument): Severity {
  if (overall.recent < minRequests || overall.errorShare < 0.01) return 'ok'
  return overall.errorShare >= 0.05 ? 'act' : 'watch'
}
