import type { ContestInput } from './types.js'

/** Those that were asked for, or all. */
export function chooseParts<Part>(
  parts: Readonly<Record<string, Part>>,
  { only = Object.keys(parts) }: Pick<ContestInput, 'only'>,
): Part[] {
  return only.map((name) => {
    const part = parts[name]
    if (!part) throw new Error(`There is no part ${name}; there are ${Object.keys(parts).join(', ')}.`)
    return part
  })
}
