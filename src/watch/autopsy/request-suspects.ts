import { accuse, judgeShare, meanMs, shareOfRise, type Case } from './case.js'
import { groupBy } from '../group.js'
import { FEW, isSlower } from './onset.js'
import type { Suspect } from './types.js'
import { formatAmount, formatMs, formatShare, formatTime, round } from '../words.js'

const MINUTE_MS = 60_000

/** Suspects that the requests themselves tell of: without looking at any statement. */
export function questionRequests(facts: Case): Suspect[] {
  return [
    suspectPool(facts),
    suspectOutbound(facts),
    suspectLoop(facts),
    suspectColdStarts(facts),
    suspectInstance(facts),
    suspectOwnCode(facts),
    suspectErrors(facts),
    suspectTraffic(facts),
    suspectDeploy(facts),
    suspectEverything(facts),
  ]
}

function suspectPool(facts: Case): Suspect {
  const { before, after } = facts
  const share = shareOfRise(facts, before.waits.totalMs, after.waits.totalMs)
  const [was, is] = [before.waits.percentileMs(0.95), after.waits.percentileMs(0.95)]
  const part = formatShare(after.waits.totalMs / Math.max(1, after.durations.totalMs))
  const sentence = `Waiting for a connection is ${part} of the time, P95 ${formatMs(is)} (before: ${formatMs(was)}); ${ofRise(share)}.`
  return accuse('pool', judgeShare(share), sentence, { p95Before: round(was), p95After: round(is) }, share ?? null)
}

function suspectOutbound(facts: Case): Suspect {
  const { before, after, outbound } = facts
  if (after.outboundMs === 0 && before.outboundMs === 0)
    return accuse('outbound', 'eliminated', 'No other service is called by this route.', { outboundMs: 0 }, 0)
  const share = shareOfRise(facts, before.outboundMs, after.outboundMs)
  const [was, is] = [before, after].map((part) => part.outboundMs / Math.max(1, part.requests)) as [number, number]
  const host = findSlowestHost(facts)
  const where =
    host === undefined
      ? ''
      : ` Most of it is ${host.name}: ${formatMs(host.after)} in a request that calls it, before ${formatMs(host.before)}.`
  const unnamed = outbound === undefined ? ' Which one cannot be read.' : ''
  const sentence = `Other services take ${formatMs(is)} of a request (before: ${formatMs(was)}); ${ofRise(share)}.${where}${unnamed}`
  const figures = { msBefore: round(was), msAfter: round(is), host: host?.name ?? null }
  return accuse('outbound', judgeShare(share), sentence, figures, share ?? null)
}

function findSlowestHost({ outbound = [], before, after }: Case) {
  const rises = [...groupBy(outbound, ({ host }) => host)].map(([name, rows]) => {
    const [was, is] = [false, true].map((isAfter) => rows.find((row) => row.is_after === isAfter))
    const perRequest =
      (is?.total_ms ?? 0) / Math.max(1, after.requests) - (was?.total_ms ?? 0) / Math.max(1, before.requests)
    return { name, perRequest, before: mean(was), after: mean(is) }
  })
  return rises.toSorted((a, b) => b.perRequest - a.perRequest)[0]
}

const mean = (row: { total_ms: number; calls: string } | undefined): number =>
  row === undefined ? 0 : row.total_ms / Math.max(1, Number(row.calls))

function suspectLoop(facts: Case): Suspect {
  const { before, after } = facts
  if (before.loopMs === 0 && after.loopMs === 0)
    return accuse('event-loop', 'unknown', 'How long requests waited for the event loop was not recorded.')
  const share = shareOfRise(facts, before.loopMs, after.loopMs)
  const [was, is] = [before, after].map((part) => part.loopMs / Math.max(1, part.requests)) as [number, number]
  const sentence = `The event loop holds a request up for ${formatMs(is)} (before: ${formatMs(was)}); ${ofRise(share)}.`
  return accuse('event-loop', judgeShare(share), sentence, { msBefore: round(was), msAfter: round(is) }, share ?? null)
}

/** The first requests of a process are slow; those of processes that run for longer are not. */
function suspectColdStarts(facts: Case): Suspect {
  const { before, after } = facts
  const warm = [...after.processes].filter(([id, own]) => before.processes.has(id) && own.count >= FEW)
  const slow = warm.filter(([, own]) => isSlower(own.percentileMs(0.95), before.durations.percentileMs(0.95)))
  const share = shareOfRise(facts, before.coldMs, after.coldMs)
  const part = after.cold / Math.max(1, after.requests)
  const figures = { cold: after.cold, coldShare: round(part), warmProcesses: warm.length, warmSlow: slow.length }
  const cold = `${formatAmount(after.cold)} of ${formatAmount(after.requests)} requests were the first of a process`
  if (after.cold > 0 && judgeShare(share) === 'guilty')
    return accuse('cold-starts', 'guilty', `${cold}, ${ofRise(share)}.`, figures, share ?? null)
  if (slow.length > 0) {
    const sentence = `Warm instances are slow too: ${slow.length} of ${warm.length} that ran before already${after.cold > 0 ? `; ${cold}` : ''}.`
    return accuse('cold-starts', 'eliminated', sentence, figures, share ?? null)
  }
  if (after.cold > 0)
    return accuse('cold-starts', judgeShare(share), `${cold}; ${ofRise(share)}.`, figures, share ?? null)
  const sentence = 'No process ran both before and after, and none of the requests is known to be the first of one.'
  return accuse('cold-starts', 'unknown', sentence, figures)
}

function suspectInstance({ before, after }: Case): Suspect {
  const was = before.durations.percentileMs(0.95)
  const known = [...after.processes.values()].filter(({ count }) => count >= FEW)
  const slow = known.filter((own) => isSlower(own.percentileMs(0.95), was))
  const figures = { processes: known.length, slow: slow.length }
  if (known.length < 2) {
    const sentence = known.length === 1 ? 'There was one process to look at.' : 'No process had enough requests.'
    return accuse('one-instance', 'unknown', sentence, figures)
  }
  const calm = known.filter((own) => !slow.includes(own)).map((own) => own.percentileMs(0.95))
  if (slow.length === 0 || slow.length > known.length / 2) {
    const sentence = `${slow.length} of ${known.length} processes are slower than the ${formatMs(was)} of before: it is not one of them.`
    return accuse('one-instance', slow.length === 0 ? 'unknown' : 'eliminated', sentence, figures)
  }
  const extra = (own: (typeof known)[number]) => own.totalMs - own.count * meanMs(before)
  const all = known.reduce((sum, own) => sum + Math.max(0, extra(own)), 0)
  const share = all === 0 ? 0 : slow.reduce((sum, own) => sum + Math.max(0, extra(own)), 0) / all
  const worst = Math.max(...slow.map((own) => own.percentileMs(0.95)))
  const sentence = `${slow.length} of ${known.length} processes ${slow.length === 1 ? 'is' : 'are'} slow: P95 ${formatMs(worst)}, of the others ${formatMs(Math.max(...calm))} at most.`
  return accuse('one-instance', judgeShare(share), sentence, figures, share)
}

/** What is left when everything that is measured has been taken off. */
function suspectOwnCode(facts: Case): Suspect {
  const [was, is] = [facts.before, facts.after].map(({ durations, waits, sqlMs, outboundMs, loopMs }) =>
    Math.max(0, durations.totalMs - waits.totalMs - sqlMs - outboundMs - loopMs),
  ) as [number, number]
  const share = shareOfRise(facts, was, is)
  const [before, after] = [was / Math.max(1, facts.before.requests), is / Math.max(1, facts.after.requests)]
  const sentence = `Its own code, and what else it waits for, takes ${formatMs(after)} of a request (before: ${formatMs(before)}); ${ofRise(share)}.`
  return accuse(
    'own-code',
    judgeShare(share),
    sentence,
    { msBefore: round(before), msAfter: round(after) },
    share ?? null,
  )
}

function suspectErrors({ before, after }: Case): Suspect {
  const [was, is] = [before, after].map(({ errors, requests }) => errors / Math.max(1, requests)) as [number, number]
  const figures = { before: round(was), after: round(is) }
  const sentence = `${formatShare(is)} of the requests failed, before ${formatShare(was)}.`
  const verdict = is >= was + 0.05 ? 'guilty' : is < was + 0.01 ? 'eliminated' : 'unknown'
  return accuse('errors', verdict, sentence, figures)
}

function suspectTraffic({ before, after }: Case): Suspect {
  const [was, is] = [before, after].map(({ requests, minutes }) => requests / Math.max(1, minutes)) as [number, number]
  const figures = { before: round(was), after: round(is) }
  const sentence = `${formatAmount(is)} requests a minute, before ${formatAmount(was)}.`
  const verdict = is >= was * 1.5 ? 'guilty' : is < was * 1.2 ? 'eliminated' : 'unknown'
  return accuse('traffic', verdict, sentence, figures)
}

function suspectDeploy({ deploys, at, windowMinutes }: Case): Suspect {
  if (deploys === undefined) return accuse('deploy', 'unknown', 'Versions could not be read.')
  if (deploys.length === 0) return accuse('deploy', 'unknown', 'No versions were recorded.')
  const near = findNearDeploy({ deploys, at, windowMinutes })
  if (near) {
    const sentence = `${near.label} was deployed at ${formatTime(near.began_at)}, at about the onset.`
    return accuse('deploy', 'guilty', sentence, { label: near.label })
  }
  const last = deploys.find(({ began_at: when }) => when <= at)
  const sentence =
    last === undefined
      ? 'No version was deployed before the onset that is known of.'
      : `The last deploy before it is ${last.label}, ${formatDistance(at.getTime() - last.began_at.getTime())} earlier.`
  return accuse('deploy', 'eliminated', sentence, { label: last?.label ?? null })
}

/** It may have begun in the window before, and is seen when a process first writes. */
export function findNearDeploy({ deploys, at, windowMinutes }: Pick<Case, 'deploys' | 'at' | 'windowMinutes'>) {
  const [early, late] = [Math.max(10, windowMinutes), windowMinutes + 1].map((minutes) => minutes * MINUTE_MS) as [
    number,
    number,
  ]
  return deploys?.find(({ began_at: when }) => {
    const distance = when.getTime() - at.getTime()
    return distance >= -early && distance <= late
  })
}

/** The machine, the network or the whole database: then the quick requests are slower too, and other routes. */
function suspectEverything({ before, after, others }: Case): Suspect {
  const [was, is] = [before, after].map(({ durations }) => durations.percentileMs(0.5)) as [number, number]
  const tooMany = others.filter(({ isSlowerToo }) => isSlowerToo).length
  const figures = { p50Before: round(was), p50After: round(is), others: others.length, othersSlower: tooMany }
  const p50 = `P50 is ${formatMs(is)}, before ${formatMs(was)}`
  if (is < was * 1.25 || is < was + 2)
    return accuse('general-slowdown', 'eliminated', `${p50}: only some requests are slower.`, figures)
  if (others.length < 2)
    return accuse('general-slowdown', 'unknown', `${p50}; there are too few other routes to compare with.`, figures)
  const also = `${tooMany} of ${others.length} other routes became slower at the same time`
  if (tooMany > others.length / 2) return accuse('general-slowdown', 'guilty', `${p50}, and ${also}.`, figures)
  return accuse('general-slowdown', 'eliminated', `${p50}, but ${also}.`, figures)
}

export const ofRise = (share: number | undefined): string =>
  share === undefined ? 'the mean request did not become slower' : `that is ${formatShare(share)} of the rise`

export function formatDistance(ms: number): string {
  const minutes = Math.round(ms / MINUTE_MS)
  if (minutes < 120) return `${minutes} minutes`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`
}
