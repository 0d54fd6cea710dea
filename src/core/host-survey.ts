import type pg from 'pg'
import type { EpochKeeper } from './epoch.js'
import { coreError } from './error-table.js'
import { isHoldfastError, type HoldfastError } from './errors.js'
import type { HostAddress } from './host-address.js'
import { probeHost, refuseRole, type HostAnswer } from './host-probe.js'
import type { HostRole } from './types.js'

/** A silent host holds a round up for this long at most; its probe goes on and counts in a later round. */
const ROUND_MS = 500
/** A process that knows no timeline yet gives a slow host more time: it may be the one that gives the old primary away. */
const FIRST_ROUND_MS = 2_000

export interface HostSurveyParts {
  hosts: readonly HostAddress[]
  config: pg.ClientConfig
  hostMs: number
}

/**
 * Asks all hosts at once. In turn would be wrong twice: a host that swallows packets would hold up the one that was
 * promoted, and the first one of the list may be the old primary, which only the others' timeline gives away.
 */
export class HostSurvey {
  readonly #parts: HostSurveyParts
  readonly #stop = new AbortController()
  /** Kept until it is read: an answer that takes longer than a round must not be lost between two rounds. */
  readonly #asked = new Map<string, Promise<HostAnswer | HoldfastError>>()

  constructor(parts: HostSurveyParts) {
    this.#parts = parts
  }

  /** One verdict per host, in the caller's order. */
  async ask(isFirst: boolean): Promise<(HostAnswer | HoldfastError)[]> {
    const roundMs = isFirst ? FIRST_ROUND_MS : ROUND_MS
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, roundMs, undefined)))
    const verdicts = await Promise.all(this.#parts.hosts.map((address) => this.#askOne(address, late)))
    clearTimeout(timer)
    return verdicts
  }

  close(): void {
    this.#stop.abort()
  }

  async #askOne(address: HostAddress, late: Promise<undefined>): Promise<HostAnswer | HoldfastError> {
    const { config, hostMs } = this.#parts
    const asked = this.#asked.get(address.name) ?? probeHost(address, config, hostMs, this.#stop.signal)
    this.#asked.set(address.name, asked)
    const verdict = await Promise.race([asked, late])
    if (verdict === undefined) return describeSilent(address)
    this.#asked.delete(address.name)
    return verdict
  }
}

export interface Judgement {
  chosen: HostAnswer | undefined
  /** By host, why it was not acceptable. */
  refusals: ReadonlyMap<string, HoldfastError>
}

/** The first acceptable host in the caller's order, judged after all of them were heard: host order alone is split brain. */
export function judgeHosts(
  role: HostRole,
  hosts: readonly HostAddress[],
  verdicts: readonly (HostAnswer | HoldfastError)[],
  epochs: EpochKeeper,
): Judgement {
  const heard = verdicts.filter((each): each is HostAnswer => !isHoldfastError(each))
  const first = heard.find((each) => refuseRole(role, each) === undefined)
  const system = epochs.current?.systemIdentifier ?? first?.epoch.systemIdentifier
  for (const { epoch } of heard) epochs.observe(epoch, system)
  const refusals = new Map<string, HoldfastError>()
  let chosen: HostAnswer | undefined
  for (const [index, { name }] of hosts.entries()) {
    const verdict = verdicts[index] as HostAnswer | HoldfastError
    const refusal = isHoldfastError(verdict)
      ? verdict
      : (epochs.refuse(name, verdict.epoch, system) ?? refuseRole(role, verdict))
    if (refusal) refusals.set(name, refusal)
    else chosen ??= verdict as HostAnswer
  }
  return { chosen, refusals }
}

/** Names every host and why it was refused. Where all that answered were refused alike, that reason is the error. */
export function describeNoneAcceptable(
  role: HostRole,
  hosts: readonly HostAddress[],
  refusals: ReadonlyMap<string, HoldfastError>,
): HoldfastError {
  const reasons = hosts.map((address) => refusals.get(address.name) ?? describeSilent(address))
  const details = {
    role,
    hosts: hosts.map(({ name }, index) => ({
      host: name,
      code: reasons[index]?.code,
      reason: reasons[index]?.message,
    })),
  }
  const spoken = reasons.filter(({ retryable, code }) => !retryable || code.startsWith('HF_HOSTS_'))
  const [first] = spoken
  const codes = new Set(spoken.map(({ code }) => code))
  const all = reasons.map(({ message }) => message).join(' ')
  if (first && codes.size === 1 && first.code !== 'HF_HOSTS_WRONG_ROLE') {
    return coreError(first.code as Parameters<typeof coreError>[0], all, { cause: first, details })
  }
  return coreError('HF_HOSTS_NONE_ACCEPTABLE', `No host is acceptable as "${role}": ${all}`, { details })
}

function describeSilent({ name }: HostAddress) {
  return coreError('HF_CONNECT_TIMEOUT', `${name} has not answered yet.`)
}
