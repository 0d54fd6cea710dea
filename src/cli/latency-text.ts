import type { Spread } from '../watch/index.js'
import { cliError } from './errors.js'

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** @throws HF_CLI_USAGE */
export function readSince(given: string | boolean | undefined, fallback: string): number {
  const text = typeof given === 'string' ? given : fallback
  const [, amount, unit] = /^(\d{1,4})([mhd])$/.exec(text) ?? []
  if (amount === undefined || Number(amount) === 0)
    throw cliError('HF_CLI_USAGE', `--since is "${text}"; it is a number and m, h or d, such as 30m.`)
  return Number(amount) * units[unit as keyof typeof units]
}

export const formatMs = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(2)}ms` : ms < 10_000 ? `${Math.round(ms)}ms` : `${Math.round(ms / 1_000)}s`

/** A cell of eight. */
export const formatTime = (ms: number | undefined): string => (ms === undefined ? '–' : formatMs(ms)).padStart(8)
export const formatTimes = ({ p50, p95, p99 }: Spread): string => [p50, p95, p99].map(formatTime).join('  ')
export const formatTitles = (names: readonly string[]): string => names.map((each) => each.padStart(8)).join('  ')
export const formatPercent = (share: number): string => `${Math.round(share * 100)}%`
export const formatAmount = (amount: number): string =>
  amount < 10 ? String(Math.round(amount * 10) / 10) : String(Math.round(amount))
