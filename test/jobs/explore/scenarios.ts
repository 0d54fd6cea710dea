import type { Scenario } from './world.js'

export const scenarios: Scenario[] = [
  {
    name: 'a late commit below claimed jobs',
    jobs: [],
    senders: [
      { body: '"late"', kind: 'open' },
      { body: '"1"', kind: 'at once' },
      { body: '"2"', kind: 'at once' },
    ],
    workers: [{ name: 'A', claims: 3 }],
  },
]
