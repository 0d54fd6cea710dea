import { z } from 'zod'

/** A page of a list that is read by key, not by offset: page 500 costs what page 1 costs, and nothing is seen twice. */
export interface Page<Item> {
  items: Item[]
  /** Pass as `after` to get the next page; null at the end. */
  next: string | null
}

export const limitSchema = z.coerce.number().int().min(1).max(100).default(20)

/** Packs the last row's key. Opaque to callers, so that the key may change without breaking them. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** A query parameter holding a cursor whose key has the given shape. */
export function cursorSchema<Key extends readonly string[]>(shape: z.ZodType<Key>) {
  return z
    .string()
    .max(200)
    .transform((text, context): Key => {
      const parsed = shape.safeParse(parseJson(Buffer.from(text, 'base64url').toString('utf8')))
      if (parsed.success) return parsed.data
      context.addIssue({ code: 'custom', message: 'must be a cursor that this API gave out' })
      return z.NEVER
    })
}

/** Cuts a page out of `limit + 1` rows: the extra row tells whether there is a next page without a count. */
export function cutPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { key, view }: { key: (row: Row) => readonly string[]; view: (row: Row) => Item },
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const next = rows.length > limit && last !== undefined ? encodeCursor(key(last)) : null
  return { items: shown.map(view), next }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
