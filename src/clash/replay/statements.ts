/** Whether a statement writes, and by itself: sent in two halves, another can come between its work and its commit. */
export function splits(text: string): boolean {
  const bare = text.replace(/^(\s+|\/\*[\s\S]*?\*\/|--[^\n]*\n)+/, '')
  if (/^(insert|update|delete|merge)\b/i.test(bare)) return true
  return /^with\b/i.test(bare) && /\b(insert\s+into|update|delete\s+from)\b/i.test(bare)
}

/** What no trigger on a row sees; a temporary table is gone with its session. */
export const cannotBeUndone = (text: string): boolean =>
  /^\s*(truncate|alter|drop|create(?!\s+(local\s+)?temp)|reindex|cluster|vacuum)\b/i.test(
    text.replaceAll(/\/\*[\s\S]*?\*\/|--[^\n]*/g, ''),
  )
