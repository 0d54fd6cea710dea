const strip = (text: string): string => text.replace(/^(\s+|\/\*[\s\S]*?\*\/|--[^\n]*\n)+/, '')

/** Whether a statement writes, and by itself: sent in two halves, another can come between its work and its commit. */
export function splits(text: string): boolean {
  const bare = strip(text)
  if (/^(insert|update|delete|merge)\b/i.test(bare)) return true
  return /^with\b/i.test(bare) && /\b(insert\s+into|update|delete\s+from)\b/i.test(bare)
}

/** What no trigger on a row sees; a temporary table is gone with its session. */
export const cannotBeUndone = (text: string): boolean =>
  /^\s*(truncate|alter|drop|create(?!\s+(local\s+)?temp)|reindex|cluster|vacuum)\b/i.test(
    text.replaceAll(/\/\*[\s\S]*?\*\/|--[^\n]*/g, ''),
  )

/** Opens a transaction, and does nothing else: its snapshot is taken by the statement that comes next. */
export const isInert = (text: string): boolean =>
  /^(begin|start\s+transaction|set\s+transaction|savepoint)\b[^;]*;?\s*$/i.test(strip(text))

/** What may be called; of any other function nobody knows what it does. */
const harmless = new Set(
  `count sum min max avg coalesce nullif greatest least lower upper length exists in any all and or not on where select from
   values now date_trunc cast array_agg json_agg jsonb_agg json_build_object jsonb_build_object row to_jsonb abs round`.split(
    /\s+/,
  ),
)

/** It reads, locks nothing, and calls nothing that could do more. */
export function reads(text: string): boolean {
  const bare = strip(text)
  if (!/^select\b/i.test(bare) || /\bfor\s+(no\s+key\s+|key\s+)?(update|share)\b|\binto\b/i.test(bare)) return false
  if (/;\s*\S/.test(bare)) return false
  for (const [, name = ''] of bare.matchAll(/([\w.]+)"?\s*\(/g)) if (!harmless.has(name.toLowerCase())) return false
  return true
}
