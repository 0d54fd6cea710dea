import type { Scenario } from './world.js'

/** HOLDFAST_EXPLORE=deep: more of everything, for minutes instead of seconds. */
const isDeep = process.env['HOLDFAST_EXPLORE'] === 'deep'
const pick = <T>(usual: T, deep: T): T => (isDeep ? deep : usual)

/** A sender whose transaction began, drew an id and ends late; jobs sent and claimed meanwhile; the safe mark moves on. */
export const lateCommit: Scenario = {
  name: 'a late commit below claimed jobs',
  senders: [
    { bodies: ['"late"'], kind: pick('open', 'early') },
    { bodies: ['"1"', '"2"'], kind: 'at once' },
  ],
  workers: [{ name: 'A', claims: pick(2, 4), size: pick(2, 1), ends: pick([], ['complete']), beginsEarly: isDeep }],
}

export const fullBatches: Scenario = {
  name: 'a late commit while batches are full',
  jobs: pick([], ['"1"', '"2"', '"3"']),
  senders: [
    { bodies: ['"late"'], kind: 'open' },
    { bodies: ['"last"'], kind: 'at once' },
  ],
  workers: [{ name: 'A', claims: pick(3, 4), size: pick(1, 2) }],
}

export const twoClaimers: Scenario = {
  name: 'two workers claim from one lane',
  jobs: pick(['"1"', '"2"'], ['"1"', '"2"', '"3"']),
  workers: [
    { name: 'A', claims: 2, opensClaims: true },
    { name: 'B', claims: pick(1, 2), opensClaims: true, size: pick(1, 2) },
  ],
}

export const deadWorker: Scenario = {
  name: 'a worker is declared gone while it claims and completes',
  jobs: ['"1"', '"2"'].slice(0, pick(1, 2)),
  workers: [
    { name: 'A', claims: pick(1, 2), size: 2, opensClaims: true, opensEnds: true },
    { name: 'B', claims: pick(1, 2), size: 2 },
  ],
  lapses: 'A',
  upkeep: { of: 'B', reaps: 1, opens: true },
}

export const handBack: Scenario = {
  name: 'a job is handed back after marks have passed it',
  jobs: ['"1"', '"2"', '"3"'],
  senders: pick([], [{ bodies: ['"4"'], kind: 'at once' }]),
  workers: [
    { name: 'A', claims: 1, ends: pick(['hand back'], ['complete', 'hand back']), opensEnds: true },
    { name: 'B', claims: pick(3, 4), ends: pick([], ['complete']) },
  ],
}

export const reapedBehindMarks: Scenario = {
  name: 'a dead worker’s job comes back after marks have passed it',
  jobs: ['"1"', '"2"', '"3"'],
  senders: pick([], [{ bodies: ['"4"'], kind: 'at once' }]),
  workers: [
    { name: 'A', claims: 1, ends: [] },
    { name: 'B', claims: pick(3, 4), ends: pick([], ['complete']) },
  ],
  lapses: 'A',
  upkeep: { of: 'B', reaps: 1, opens: isDeep },
}

export const transactional: Scenario = {
  name: 'work and completion in one transaction, the worker declared gone meanwhile',
  jobs: ['"1"'],
  workers: [
    { name: 'A', claims: 1, ends: ['work in a transaction'] },
    { name: 'B', claims: pick(1, 2), ends: ['work in a transaction'] },
  ],
  lapses: 'A',
  upkeep: { of: 'B', reaps: 1, opens: true },
}

export const failures: Scenario = {
  name: 'jobs fail, are tried again and die',
  jobs: ['"1"'],
  workers: [
    { name: 'A', claims: pick(1, 2), ends: ['complete', 'retry', 'die'], opensEnds: isDeep },
    { name: 'B', claims: 1 },
  ],
  lapses: 'A',
  upkeep: { of: 'B', reaps: 1, promotes: 1, opens: isDeep },
}

export const renewal: Scenario = {
  name: 'a lease is renewed while it lapses',
  jobs: ['"1"'],
  workers: [
    { name: 'A', claims: 1, ends: pick([], ['complete']) },
    { name: 'B', claims: pick(0, 1) },
  ],
  lapses: 'A',
  renews: 'A',
  upkeep: { of: 'B', reaps: 1, opens: true },
}

export const lostClaim: Scenario = {
  name: 'a crash of the server loses a claim',
  jobs: pick(['"1"'], ['"1"', '"2"']),
  workers: [
    { name: 'A', claims: 1, size: 2, opensEnds: true },
    { name: 'B', claims: 2, opensClaims: true },
  ],
  loses: 'A',
}

/** A sender that begins after a claim's own transaction, and before the claim looks. */
export const ownStamp: Scenario = {
  name: 'a sender begins while a claim is on its way',
  senders: [
    { bodies: ['"late"'], kind: 'open' },
    { bodies: ['"1"'], kind: 'at once' },
  ],
  workers: [{ name: 'A', claims: pick(1, 3), ends: pick([], ['complete']), beginsEarly: true }],
}

/** Not a scenario that holds: the sender breaks the rule that makes the marks true. */
export const carelessSender: Scenario = {
  name: 'a sender takes its transaction’s id after the job’s',
  senders: [
    { bodies: ['"late"'], kind: 'careless' },
    { bodies: ['"1"', '"2"'], kind: 'at once' },
  ],
  workers: [{ name: 'A', claims: 2, size: 2, ends: [] }],
}

/** Small ones, in which what a missing rule breaks is soon found. */
export const dyingClaimer: Scenario = {
  name: 'a worker is declared gone while it claims',
  jobs: ['"1"'],
  workers: [
    { name: 'A', claims: 1, ends: [], opensClaims: true },
    { name: 'B', claims: 0 },
  ],
  lapses: 'A',
  upkeep: { of: 'B', reaps: 1 },
}

export const twiceInTransactions: Scenario = {
  ...transactional,
  name: 'a zombie works in a transaction',
  upkeep: { of: 'B', reaps: 1 },
}

export const scenarios = [
  ownStamp,
  lateCommit,
  fullBatches,
  twoClaimers,
  deadWorker,
  handBack,
  reapedBehindMarks,
  transactional,
  failures,
  renewal,
  lostClaim,
]
