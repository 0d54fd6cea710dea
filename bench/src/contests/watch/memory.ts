import { judgeRatio, summarize } from '../../harness/statistics.js'
import { startSubject } from '../../harness/subjects.js'
import type { Part } from './setting.js'

const bound = { atMost: 20 } as const
export const SERIES = 500
export const REQUESTS = 10_000
const full = { pairs: 5 }
const quick = { pairs: 2 }

/**
 * What 500 series take: a process that saw 500 routes with a statement of their own, the most that so many can, over one
 * that saw as many requests of a single route. Judged is what is alive, in heap and buffers; resident memory is a row, as
 * it also has what the heap had grown to. PostgreSQL's parser is a row by itself: it is there for one series too.
 */
export const memory: Part = async ({ input, execPath, databases }) => {
  const module = new URL('../../subjects/watch-memory.js', import.meta.url)
  const weigh = async (routes: number) => {
    const subject = await startSubject('holdfast', module, databases.urlOf('all'), 8, execPath)
    const { samples = [] } = await subject.run('fill', routes)
    await subject.close()
    return samples
  }
  const differences: number[][] = []
  const parsers: (readonly number[])[] = []
  for (let n = 0; n < (input.quick ? quick : full).pairs; n++) {
    const one = await weigh(1)
    const many = await weigh(SERIES)
    differences.push([0, 1].map((place) => (many[place] as number) - (one[place] as number)))
    parsers.push(one.slice(2))
  }
  const read = (figures: readonly (readonly number[])[], place: number) => figures.map((each) => each[place] as number)
  const alive = read(differences, 0)
  input.progress(`memory: ${alive.map((mb) => mb.toFixed(1)).join(', ')} MB`)
  return {
    rows: [
      summarize('holdfast', 'series_500_heap', 'MB', alive),
      summarize('holdfast', 'series_500_resident', 'MB', read(differences, 1)),
      summarize('the parser', 'series_500_parser_heap', 'MB', read(parsers, 0)),
      summarize('the parser', 'series_500_parser_resident', 'MB', read(parsers, 1)),
    ],
    checks: [judgeRatio('series_500_mb', alive, bound)],
  }
}
