/** All lines are of one length, so that the size of a file tells how many there are. */
export const RUN_LINE_BYTES = 12

export function formatRun(id: string): string {
  return `${id.padStart(RUN_LINE_BYTES - 1)}\n`
}
