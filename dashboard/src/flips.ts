import type { FindingRow, QueryDocument, QueryPlanRow } from '../../src/http/contract'

/** What a finding says of two plans; it is written by processes of any release, so that nothing of it is certain. */
export interface Flip {
  /** When it was found. */
  at: number
  before: string
  after: string
  beforeMs: number | null
  afterMs: number | null
  sentence: string
  reasons: string[]
}

export function readFlips(findings: readonly FindingRow[]): Flip[] {
  return findings.flatMap(({ kind, evidence, firstSeenAt, sentence }): Flip[] => {
    const { beforeShape, afterShape, beforeMs, afterMs, reasons, lost } = evidence
    if (kind !== 'plan-flip' || typeof beforeShape !== 'string' || typeof afterShape !== 'string') return []
    return [
      {
        at: firstSeenAt,
        before: beforeShape,
        after: afterShape,
        beforeMs: typeof beforeMs === 'number' ? beforeMs : null,
        afterMs: typeof afterMs === 'number' ? afterMs : null,
        sentence,
        reasons: [...readAll(lost).flatMap(describeLost), ...readAll(reasons).flatMap(readSentence)],
      },
    ]
  })
}

const readAll = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'object' && each !== null) : []

function readSentence({ sentence }: Record<string, unknown>): string[] {
  return typeof sentence === 'string' && sentence !== '' ? [toSentence(sentence)] : []
}

function describeLost({ relation, index, now }: Record<string, unknown>): string[] {
  if (typeof relation !== 'string' || typeof index !== 'string') return []
  const how = now === 'seq' ? 'is read from its beginning to its end' : 'is read along another index'
  return [`${relation} was found by ${index}, and ${how} now.`]
}

/** A name of the database stays as it is. */
const toSentence = (text: string): string => {
  const isName = /^[^\s]*[._]/.test(text)
  return `${isName ? text.charAt(0) : text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`
}

/** Each plan has a letter of its own, in the order in which they appeared: it is the same in the lanes and the trees. */
export function nameLetters(plans: readonly QueryPlanRow[]): ReadonlyMap<string, string> {
  const inOrder = plans.toSorted((a, b) => a.firstSeenAt - b.firstSeenAt)
  return new Map(inOrder.map(({ shape }, n) => [shape, n < 26 ? String.fromCharCode(65 + n) : `#${n + 1}`]))
}

/** Those of the latest flip; else the two that were seen last. */
export function pickPair({
  plans,
  findings,
}: QueryDocument): { before: QueryPlanRow | undefined; after: QueryPlanRow } | null {
  const find = (shape: string | undefined): QueryPlanRow | undefined => plans.find((plan) => plan.shape === shape)
  const [flip] = readFlips(findings).toSorted((a, b) => b.at - a.at)
  const [before, after] = [find(flip?.before), find(flip?.after)]
  if (before !== undefined && after !== undefined) return { before, after }
  const [latest, other] = plans
  return latest === undefined ? null : { before: other, after: latest }
}
