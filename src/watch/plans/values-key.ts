import { createHmac, randomBytes } from 'node:crypto'
import { encodeParameter } from '../../core/index.js'

/** Never written anywhere, and another one in each process: what it makes tells equal from different, and nothing else. */
const key = randomBytes(32)
const MOST_CHARACTERS = 4_096

/** The same for the same values, within this process. */
export function keyOfValues(values: readonly unknown[] | undefined): string {
  if (values === undefined || values.length === 0) return ''
  const hmac = createHmac('sha256', key)
  for (const value of values) hmac.update(`${encode(value)}\0`)
  return hmac.digest('base64url').slice(0, 22)
}

function encode(value: unknown): string {
  try {
    const text = encodeParameter(value) ?? '\u0001'
    return text.length > MOST_CHARACTERS ? `${text.length} ${text.slice(0, MOST_CHARACTERS)}` : text
  } catch {
    return '\u0002'
  }
}
