import type { Spread } from '../watch/index.js'

export const formatMs = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(2)}ms` : ms < 10_000 ? `${Math.round(ms)}ms` : `${Math.round(ms / 1_000)}s`

/** A cell of eight. */
export const formatTime = (ms: number | undefined): string => (ms === undefined ? '–' : formatMs(ms)).padStart(8)
export const formatTimes = ({ p50, p95, p99 }: Spread): string => [p50, p95, p99].map(formatTime).join('  ')
export const formatTitles = (names: readonly string[]): string => names.map((each) => each.padStart(8)).join('  ')
export const formatPercent = (share: number): string => `${Math.round(share * 100)}%`
export const formatAmount = (amount: number): string =>
  amount < 10 ? String(Math.round(amount * 10) / 10) : String(Math.round(amount))
