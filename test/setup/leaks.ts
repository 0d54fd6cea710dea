import { afterAll, beforeAll } from 'vitest'
import { eventually } from '../helpers/eventually.js'

// A timer or socket that outlives its file belongs to something that was not closed. It fails the file that left it.
const watched = new Set(['Timeout', 'Immediate', 'TCPSocketWrap', 'TCPServerWrap', 'ProcessWrap', 'PipeWrap'])

function countResources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) {
    if (watched.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

let before = new Map<string, number>()

beforeAll(() => {
  before = countResources()
})

afterAll(async () => {
  await eventually(
    () => {
      const left = [...countResources()].filter(([name, count]) => count > (before.get(name) ?? 0))
      if (left.length > 0)
        throw new Error(
          `Left open by this file: ${left.map(([name, count]) => `${count - (before.get(name) ?? 0)} ${name}`).join(', ')}`,
        )
    },
    { withinMs: 6_000 },
  )
})
