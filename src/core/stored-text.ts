const MOST_CHARS = 2_000

/** jsonb stores neither U+0000 nor half a surrogate pair; JSON writes both as an escape. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

/** Whether jsonb takes a text that is JSON. */
export const isStorableJson = (json: string): boolean => !json.includes('\\u') || !unstorable.test(json)

/** A message as jsonb takes it; other control characters would garble a terminal. */
export function cleanText(message: string): string {
  return message.slice(0, MOST_CHARS).replaceAll(/\p{Cc}|\p{Surrogate}/gu, ' ')
}
