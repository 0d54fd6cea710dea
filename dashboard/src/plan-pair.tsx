import type { PlanTreeNode, QueryDocument, QueryPlanRow } from '../../src/http/contract'
import { nameLetters, pickPair, readFlips } from './flips'
import { formatBytes, formatCount, formatMoment, formatMs, joinFigure } from './format'
import { describeDifference, nameNode } from './plan-words'

/** Two plans side by side, what is other about them, and why. */
export function PlanPair({ query }: { query: QueryDocument }) {
  const pair = pickPair(query)
  if (pair === null)
    return (
      <section aria-labelledby="plans-title">
        <h3 id="plans-title">Plans</h3>
        <p class="note">
          No plan of it is known: executions are explained now and then, those that are slow first. Writes with side
          effects and statements of other schemas’ owners may never be.
        </p>
      </section>
    )
  const { before, after } = pair
  const flip = readFlips(query.findings).find((each) => each.before === before?.shape && each.after === after.shape)
  const letters = nameLetters(query.plans)
  const indexOf = [...letters.keys()]
  const side = (plan: QueryPlanRow, other: QueryPlanRow | undefined, when: 'before' | 'after') => (
    <PlanTree
      plan={plan}
      other={other}
      when={when}
      letter={letters.get(plan.shape) ?? '?'}
      lane={indexOf.indexOf(plan.shape) % 6}
      title={
        before === undefined ? 'Its plan' : flip === undefined ? titles[when] : when === 'before' ? 'Before' : 'After'
      }
    />
  )
  return (
    <section aria-labelledby="plans-title">
      <h3 id="plans-title">{flip === undefined ? 'Plans' : 'The flip: before and after'}</h3>
      {flip !== undefined && flip.reasons.length > 0 && (
        <ul class="reasons" aria-label="Why">
          {flip.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <div class="plan-pair">
        {before !== undefined && side(before, after, 'before')}
        {side(after, before, 'after')}
      </div>
      <Facts before={before} after={after} />
    </section>
  )
}

const titles = { before: 'Seen before that', after: 'Seen last' }

interface TreeProperties {
  plan: QueryPlanRow
  other: QueryPlanRow | undefined
  when: 'before' | 'after'
  letter: string
  lane: number
  title: string
}

function PlanTree({ plan, other, when, letter, lane, title }: TreeProperties) {
  const { tree, isInferred, typicalMs, slowMs, cost, firstSeenAt, lastSeenAt } = plan
  return (
    <article class={`plan lane-${lane}`} aria-label={`${title}: plan ${letter}`}>
      <h4>
        <b class="plan-letter">{letter}</b> {title}
        {isInferred && <span class="state">inferred</span>}
      </h4>
      <p class="note">
        Typically {joinFigure(formatMs(typicalMs))}, {joinFigure(formatMs(slowMs))} at most; cost{' '}
        {joinFigure(formatCount(cost))}. {formatMoment(firstSeenAt)} to {formatMoment(lastSeenAt)}.
      </p>
      <ul class="plan-tree">
        <Node node={tree} other={other?.tree} when={when} />
      </ul>
    </article>
  )
}

function Node({
  node,
  other,
  when,
}: {
  node: PlanTreeNode
  other: PlanTreeNode | undefined
  when: 'before' | 'after'
}) {
  const difference = other === undefined ? undefined : describeDifference(node, other, when)
  return (
    <li>
      <span class={difference === undefined ? 'plan-node' : 'plan-node plan-node-other'}>{nameNode(node)}</span>
      {difference !== undefined && <span class="difference">{difference}</span>}
      {node.cond !== undefined && <code class="plan-detail">{node.cond}</code>}
      {node.filter !== undefined && <code class="plan-detail">filter {node.filter}</code>}
      {node.children !== undefined && (
        <ul>
          {node.children.map((child, n) => (
            <Node key={n} node={child} other={other} when={when} />
          ))}
        </ul>
      )}
    </li>
  )
}

/** What was known of its tables with the one plan and with the other. */
function Facts({ before, after }: { before: QueryPlanRow | undefined; after: QueryPlanRow }) {
  const now = after.facts ?? {}
  const then = before?.facts ?? {}
  const relations = Object.keys({ ...then, ...now })
  if (relations.length === 0) return null
  return (
    <dl class="table-facts" aria-label="Its tables">
      {relations.map((relation) => (
        <div key={relation}>
          <dt>{relation}</dt>
          <dd>{describeChange('size', then[relation]?.bytes, now[relation]?.bytes, formatBytes)}</dd>
          <dd>{describeChange('rows', then[relation]?.rows, now[relation]?.rows, formatCount)}</dd>
          <dd>
            analyzed {describeAnalyzed(then[relation]?.analyzedAt)}
            {before !== undefined && then[relation]?.analyzedAt !== now[relation]?.analyzedAt && (
              <> → {describeAnalyzed(now[relation]?.analyzedAt)}</>
            )}
          </dd>
        </div>
      ))}
    </dl>
  )
}

function describeChange(
  name: string,
  before: number | undefined,
  after: number | undefined,
  format: typeof formatBytes,
): string {
  const [then, now] = [before, after].map((value) => (value === undefined ? undefined : joinFigure(format(value))))
  if (then === undefined || now === undefined || then === now) return `${name} ${now ?? then ?? 'not known'}`
  return `${name} ${then} → ${now}`
}

function describeAnalyzed(at: number | null | undefined): string {
  return at === undefined ? 'not known' : at === null ? 'never' : (formatMoment(at) ?? 'never')
}
