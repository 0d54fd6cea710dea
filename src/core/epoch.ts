import { coreError } from './error-table.js'
import type { HoldfastError } from './errors.js'
import type { Epoch, EpochChange } from './types.js'

/**
 * Which history of which cluster we belong to. A promotion begins the next timeline; the primary it replaced may come
 * back writable on the one before, and nothing else about it tells that its commits will be thrown away.
 */
export class EpochKeeper {
  readonly #refusesLowerTimelines: boolean
  #current: Epoch | undefined
  #highest = 0

  /** @param refusesLowerTimelines False only in the test that shows what the check is for. */
  constructor(refusesLowerTimelines: boolean) {
    this.#refusesLowerTimelines = refusesLowerTimelines
  }

  get current(): Epoch | undefined {
    return this.#current
  }

  /** Counts what any host of our cluster reports, accepted or not: a standby may be the first to know of a promotion. */
  observe(epoch: Epoch, systemIdentifier = this.#current?.systemIdentifier): void {
    if (epoch.systemIdentifier === systemIdentifier) this.#highest = Math.max(this.#highest, epoch.timeline)
  }

  /** Why a host of this epoch may not be used; undefined when it may. */
  refuse(host: string, epoch: Epoch, systemIdentifier = this.#current?.systemIdentifier): HoldfastError | undefined {
    if (systemIdentifier !== undefined && epoch.systemIdentifier !== systemIdentifier) {
      return describeOtherCluster(host, epoch, systemIdentifier)
    }
    if (this.#refusesLowerTimelines && epoch.timeline < this.#highest) {
      return describeOldTimeline(host, epoch, this.#highest)
    }
    return undefined
  }

  /** Makes it the current epoch; returns the change, or undefined when it is the same one or the first. */
  adopt(epoch: Epoch): EpochChange | undefined {
    const before = this.#current
    this.#current = epoch
    this.observe(epoch)
    if (before === undefined || isSameEpoch(before, epoch)) return undefined
    return { ...epoch, before }
  }
}

export function isSameEpoch(a: Epoch | undefined, b: Epoch | undefined): boolean {
  return a?.systemIdentifier === b?.systemIdentifier && a?.timeline === b?.timeline
}

function describeOtherCluster(host: string, epoch: Epoch, systemIdentifier: string) {
  return coreError(
    'HF_HOSTS_OTHER_CLUSTER',
    `${host} belongs to the cluster ${epoch.systemIdentifier}; this process works with ${systemIdentifier}.`,
    { details: { host, found: epoch.systemIdentifier, expected: systemIdentifier } },
  )
}

function describeOldTimeline(host: string, epoch: Epoch, highest: number) {
  return coreError(
    'HF_HOSTS_OLD_TIMELINE',
    `${host} is on timeline ${epoch.timeline}; timeline ${highest} of the same cluster has been seen.`,
    { details: { host, timeline: epoch.timeline, highest } },
  )
}
