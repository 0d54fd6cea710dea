/** By characters: half of one is refused by some that read it. */
export function cutText(text: string, most: number): string {
  const chars = Array.from(text)
  return chars.length <= most ? text : `${chars.slice(0, most - 1).join('')}…`
}
