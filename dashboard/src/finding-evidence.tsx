import type { FindingRow } from '../../src/http/contract'
import { CopyButton } from './copy-button'
import { blockingKinds } from './finding-kinds'
import { formatCount, formatMs, formatShare, joinFigure } from './format'

interface RouteOfPool {
  route: string
  requests: number
  held_ms: number
  sql_ms: number
  wait_ms: number
}

/** Where it is, whom it concerns and what was measured, of a finding of what blocks. */
export function FindingEvidence({ finding }: { finding: FindingRow }) {
  const { kind, subject, evidence } = finding
  if (!blockingKinds.has(kind)) return null
  return (
    <>
      {isPlace(subject) && <Place text={subject} />}
      <Figures evidence={evidence} />
      <Routes routes={evidence['routes']} />
      <Stack lines={evidence['stack']} />
    </>
  )
}

/** `src/audit.ts:41`: a route or a call of Node's is no place. */
export const isPlace = (subject: string): boolean => /^\S.*:\d+$/.test(subject)

export function Place({ text }: { text: string }) {
  return (
    <p class="finding-place">
      <code>{text}</code> <CopyButton text={text} what="the place" />
    </p>
  )
}

const count = (value: number): string => joinFigure(formatCount(value))
const ms = (value: number): string => joinFigure(formatMs(value))

/** In this order, each with its words. */
const figures: readonly [string, (value: number) => string][] = [
  ['calls', (value) => (value === 1 ? '1 call' : `${count(value)} calls`)],
  ['ms', (value) => `${ms(value)} in all`],
  ['most_ms', (value) => `${ms(value)} at most`],
  ['share', (value) => `${joinFigure(formatShare(value))} of the event loop’s time`],
  ['starved_ms', (value) => `the machine ran something else for ${ms(value)}`],
  ['wait_ms', (value) => `waited ${ms(value)}`],
  ['most_wait_ms', (value) => `${ms(value)} at most`],
  ['threads', (value) => `${count(value)} threads`],
]

function Figures({ evidence }: { evidence: FindingRow['evidence'] }) {
  const told = figures.flatMap(([name, describe]) => {
    const value = evidence[name]
    return typeof value === 'number' && value > 0 ? [describe(value)] : []
  })
  return told.length === 0 ? null : <p class="note">{told.join(' · ')}</p>
}

function Routes({ routes }: { routes: unknown }) {
  if (!Array.isArray(routes) || routes.length === 0) return null
  return (
    <ul class="finding-routes" aria-label="Routes">
      {(routes as (string | RouteOfPool)[]).map((each) => (
        <li key={typeof each === 'string' ? each : each.route}>
          {typeof each === 'string' ? <span class="route-name">{each}</span> : <PoolRoute of={each} />}
        </li>
      ))}
    </ul>
  )
}

function PoolRoute({ of }: { of: RouteOfPool }) {
  return (
    <>
      <span class="route-name">{of.route}</span>{' '}
      <span class="note">
        {count(of.requests)} requests · held connections for {ms(of.held_ms)}, the database worked for {ms(of.sql_ms)} ·
        waited {ms(of.wait_ms)}
      </span>
    </>
  )
}

function Stack({ lines }: { lines: unknown }) {
  if (!Array.isArray(lines) || lines.length === 0) return null
  return (
    <details class="finding-stack">
      <summary>
        Stack ({lines.length} {lines.length === 1 ? 'line' : 'lines'})
      </summary>
      <pre>{lines.join('\n')}</pre>
    </details>
  )
}
