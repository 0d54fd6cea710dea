import type { ClashLab, FixCost, ReplayOptions, ReplayReport, ReplayRequest } from '../types.js'
import type { Fix } from './types.js'

export interface FixProof {
  fix: Fix
  /** No schedule fails any more, and both orders end as they did. */
  held: boolean
  /** In words. */
  why: string
  /** Undefined: it could not be made, such as an index over rows that are not unique. */
  report: ReplayReport | undefined
  /** Both requests at once, without a gate. */
  cost: FixCost | undefined
}

export interface ProveOptions extends Omit<ReplayOptions, 'fix'> {
  /** Go on after the first that holds. Default: false. */
  all?: boolean
  /** Pairs of requests that are run to tell what it costs. 0: none. Default: 20. */
  pairs?: number
}

/** Tries fixes at the gate, one after the other, until one holds: before anybody edits a line. */
export async function proveFixes<App>(
  lab: ClashLab<App>,
  first: ReplayRequest<App>,
  second: ReplayRequest<App>,
  before: ReplayReport,
  fixes: readonly Fix[],
  { all = false, pairs = 20, ...options }: ProveOptions = {},
): Promise<FixProof[]> {
  const proofs: FixProof[] = []
  for (const fix of fixes) {
    const proof = await proveFix(lab, first, second, before, fix, options)
    if (proof.held && pairs > 0) proof.cost = await lab.measure(first, second, { fix: fix.gate, pairs })
    proofs.push(proof)
    if (proof.held && !all) break
  }
  return proofs
}

async function proveFix<App>(
  lab: ClashLab<App>,
  first: ReplayRequest<App>,
  second: ReplayRequest<App>,
  before: ReplayReport,
  fix: Fix,
  options: ReplayOptions,
): Promise<FixProof> {
  try {
    const report = await lab.replay(first, second, { ...options, fix: fix.gate })
    const isSame = report.serial.every(({ digest, statuses }, at) => {
      const old = before.serial[at]
      return old !== undefined && digest === old.digest && statuses.join() === old.statuses.join()
    })
    const held = report.verdict === 'none found' && isSame
    const why = held
      ? report.reason
      : isSame
        ? report.reason
        : 'one after the other they end in another way than before'
    return { fix, held, why, report, cost: undefined }
  } catch (error) {
    // What the server refuses is an answer; an aborted replay is none.
    if (options.signal?.aborted) throw error
    return { fix, held: false, why: (error as Error).message, report: undefined, cost: undefined }
  }
}
