/** What an address brings: the parts of its path, and its query. A body is told by what is parsed of it. */
export function readInput(url: string): unknown {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  return { path: pathname.split('/').map(decode), query: Object.fromEntries(searchParams) }
}

/** What is no valid escape is left as it is. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
