import { judgeRatio, summarize } from '../../harness/statistics.js'
import { startSubject } from '../../harness/subjects.js'
import type { Part } from './setting.js'

const bound = { atMost: 20 } as const
export const SERIES = 500
const full = { processes: 5, requests: 20 }
const quick = { processes: 2, requests: 4 }

/**
 * What 500 series take: 500 routes with a statement of their own, the most that so many can: of resident memory
 * and of heap and buffers the larger one. PostgreSQL's parser is a row by itself: it is there for one series too.
 */
export const memory: Part = async ({ input, execPath, databases }) => {
  const { processes, requests } = input.quick ? quick : full
  const module = new URL('../../subjects/watch-memory.js', import.meta.url)
  const figures: number[][] = []
  for (let n = 0; n < processes; n++) {
    const subject = await startSubject('holdfast', module, databases.urlOf('all'), 8, execPath)
    const { samples = [] } = await subject.run('fill', requests)
    figures.push([...samples])
    await subject.close()
  }
  const all = (place: number) => figures.map((each) => each[place] as number)
  const most = figures.map(([heap = 0, resident = 0]) => Math.max(heap, resident))
  input.progress(`memory: ${most.map((mb) => mb.toFixed(1)).join(', ')} MB`)
  return {
    rows: [
      summarize('holdfast', 'series_500_heap', 'MB', all(0)),
      summarize('holdfast', 'series_500_resident', 'MB', all(1)),
      summarize('the parser', 'series_500_parser_heap', 'MB', all(2)),
      summarize('the parser', 'series_500_parser_resident', 'MB', all(3)),
    ],
    checks: [judgeRatio('series_500_mb', most, bound)],
  }
}
