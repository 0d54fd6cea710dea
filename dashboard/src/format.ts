/** A number apart from its unit, because the two are set in different type. */
export interface Figure {
  text: string
  unit: string
}

export function formatMs(ms: number): Figure {
  if (ms >= 10_000) return { text: (ms / 1000).toFixed(1), unit: 's' }
  if (ms >= 10) return { text: groupDigits(Math.round(ms)), unit: 'ms' }
  return { text: ms === 0 ? '0' : ms.toFixed(1), unit: 'ms' }
}

export function formatRate(perSecond: number): Figure {
  return { text: perSecond >= 10 ? groupDigits(Math.round(perSecond)) : trimZero(perSecond.toFixed(1)), unit: '/s' }
}

export function formatShare(share: number): Figure {
  const percent = share * 100
  return { text: percent > 0 && percent < 10 ? percent.toFixed(1) : String(Math.round(percent)), unit: '%' }
}

export function formatCount(count: number): Figure {
  return { text: groupDigits(Math.round(count)), unit: '' }
}

export function joinFigure({ text, unit }: Figure): string {
  return unit === '' ? text : unit.startsWith('/') ? `${text}${unit}` : `${text} ${unit}`
}

/** Always hours, minutes and seconds of the reader's own clock, so that times line up and can be compared with a log. */
export function formatTime(at: number): string {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
}

/** Date only where it is not today's. */
export function formatMoment(at: number | null): string | null {
  if (at === null || Number.isNaN(at)) return null
  const date = new Date(at)
  const time = formatTime(at)
  if (date.toDateString() === new Date().toDateString()) return time
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'))
  return `${date.getFullYear()}-${month}-${day} ${time}`
}

/** `4 s`, `12 min`, `3 h`, `9 d`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${groupDigits(Math.round(hours / 24))} d`
}

export function formatBytes(bytes: number): Figure {
  if (bytes < 1e6) return { text: groupDigits(Math.round(bytes / 1e3)), unit: 'kB' }
  return bytes < 1e9
    ? { text: groupDigits(Math.round(bytes / 1e6)), unit: 'MB' }
    : { text: trimZero((bytes / 1e9).toFixed(1)), unit: 'GB' }
}

/** Few need their decimals, such as 1.5 rows a call. */
export function formatAmount(amount: number): string {
  return amount < 10 ? String(Math.round(amount * 10) / 10) : groupDigits(Math.round(amount))
}

function groupDigits(value: number): string {
  return value.toLocaleString('en-US')
}

function trimZero(text: string): string {
  return text.replace(/\.0$/, '')
}
