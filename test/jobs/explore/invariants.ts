import type { History } from './actor.js'
import { findClaimable, type View } from './view.js'
import type { WorkerState } from './worker-actors.js'

/** What no state may be. `open`: what those see who have a transaction open, their own writes included. */
export function findBroken(
  committed: View,
  open: readonly View[],
  workers: readonly WorkerState[],
  history: History,
): string[] {
  return [
    ...history.broken,
    ...findLost(committed, history),
    ...findDoubles(committed, history),
    ...[committed, ...open].flatMap((view) => findHidden(view, workers)),
    ...findRobbed(committed, workers),
    ...findOrphans(committed),
    ...findReaped(committed, workers, history),
  ]
}

/** Every committed job is in exactly one place: ready, later, dead or completed; any other is in none. */
function findLost({ ready, later, dead }: View, { sent, completed }: History): string[] {
  const places = [...ready.map(({ body }) => body), ...later.map((entry) => entry.split(' ')[0] as string), ...dead]
  const known = new Set([...sent.keys(), ...places])
  return [...known].flatMap((body) => {
    const count = places.filter((place) => place === body).length + (completed.get(body) ?? 0)
    const wanted = sent.get(body) === 'committed' ? 1 : 0
    return count === wanted ? [] : [`job ${body} is in ${count} places, not in ${wanted}`]
  })
}

function findDoubles({ claims, effects }: View, { completed }: History): string[] {
  const ids = claims.flatMap(({ ids }) => ids)
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at)
  const effectsTwice = effects.filter((body, at) => effects.indexOf(body) !== at)
  const unearned = effects.filter((body) => !completed.has(body))
  return [
    ...twice.map(() => 'two open claims hold one job'),
    ...effectsTwice.map((body) => `the effect of job ${body} was committed twice`),
    ...unearned.map((body) => `the effect of job ${body} was committed without its completion`),
  ]
}

/** A worker's marks lie neither above a job that may be claimed, nor above one that may yet be committed, nor above an open claim. */
function findHidden(view: View, workers: readonly WorkerState[]): string[] {
  return workers.flatMap(({ isGone, isStale, marks, spec }) => {
    if (isGone || isStale) return []
    const jobs = findClaimable(view).filter(({ id }) => id < marks.safe)
    const claims = view.claims.filter(({ cid, ids }) => cid < marks.opened && ids.length > 0)
    return [
      ...jobs.map(({ body }) => `the safe mark of ${spec.name} has passed job ${body}: it would never be claimed`),
      ...claims.map(({ cid }) => `${spec.name} looks no more at the open claim ${cid}: it would claim its jobs`),
    ]
  })
}

/** Nobody ends a job that is in somebody else's open claim. */
function findRobbed({ ready, claims }: View, workers: readonly WorkerState[]): string[] {
  return workers.flatMap(({ held, id, spec }) =>
    held
      .filter((job) => claims.some((claim) => claim.cid === job.cid && claim.worker === id))
      .filter((job) => ready.every((row) => row.id !== job.id))
      .map(({ body }) => `job ${body} was ended while ${spec.name} holds it`),
  )
}

/** A claim of a worker that is not known any more would be handed on by nobody. */
function findOrphans({ claims, workers }: View): string[] {
  const orphans = claims.filter(({ worker }) => !workers.includes(worker))
  return orphans.map(({ cid }) => `claim ${cid} belongs to a worker that was declared gone: its jobs are stuck`)
}

function findReaped({ workers: alive }: View, workers: readonly WorkerState[], { lapsed }: History): string[] {
  return workers
    .filter(({ id }) => !alive.includes(id) && !lapsed.has(id))
    .map(({ spec }) => `${spec.name} was declared gone although its lease runs`)
}
