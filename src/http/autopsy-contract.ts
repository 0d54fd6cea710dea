import type { Verdict } from './contract.js'

/** `POST /_holdfast/api/autopsy?window=24h&route=`. Times are in ms since the epoch. */
export interface AutopsyDocument {
  /** False: the verdict says why there is nothing to look at. */
  isConnected: boolean
  verdict: Verdict
  route: string | null
  onset: {
    at: number
    endedAt: number | null
    minutes: 1 | 60
    before: AutopsyPercentiles
    after: AutopsyPercentiles
  } | null
  suspects: AutopsySuspect[]
  changes: { what: string; sentence: string; at: number | null }[]
  fixes: { sentence: string; ddl: string | null; prove: string }[]
  refused: string[]
  alsoSlower: { route: string; at: number; before: number; after: number }[]
  missing: string[]
  tookMs: number
}

/** @unit ms */
interface AutopsyPercentiles {
  p50: number
  p95: number
  p99: number
}

export interface AutopsySuspect {
  suspect: string
  verdict: 'guilty' | 'eliminated' | 'unknown'
  sentence: string
  /** Of the rise, 0 to 1; null: it cannot be told in time. */
  share: number | null
}
