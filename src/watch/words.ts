const MOST_TEXT = 120

export const formatMs = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`

export const formatShare = (share: number): string => `${Math.round(share * 100)} %`

export const formatAmount = (amount: number): string =>
  amount < 10 ? String(Math.round(amount * 10) / 10) : Math.round(amount).toLocaleString('en-US')

/** To the minute, and everywhere the same. */
export const formatTime = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`

export const cut = (text: string): string => (text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)} …` : text)

export const round = (value: number): number => Math.round(value * 1_000) / 1_000
