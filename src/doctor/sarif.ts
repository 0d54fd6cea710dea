import { packageVersion } from '../core/index.js'
import { ruleNames, ruleSummaries } from './rule-names.js'
import type { ChainStep, SourceFinding } from './types.js'

const levels = { act: 'error', watch: 'warning', info: 'note' } as const
/** The way there is worth more than its length: what is shown of it is bounded. */
const mostSteps = 100

/** The findings as SARIF 2.1.0, for code hosts and editors. Paths stay relative: no machine's folders are named. */
export function toSarif(findings: readonly SourceFinding[]): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'holdfast',
            semanticVersion: packageVersion,
            rules: ruleNames.map((id) => ({
              id,
              shortDescription: { text: ruleSummaries[id] },
              help: { text: `docs/doctor.md#${id.slice('doctor/'.length)}` },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map(describeResult),
      },
    ],
  }
}

function describeResult(finding: SourceFinding): object {
  const { rule, severity, sentence, fix, chain, routes, evidence, id } = finding
  const seen = evidence === undefined ? '' : ` ${evidence.sentence}`
  return {
    ruleId: rule,
    ruleIndex: ruleNames.indexOf(rule),
    level: levels[severity],
    message: { text: `${sentence}${seen} Fix: ${fix}` },
    locations: [locate(finding)],
    partialFingerprints: { 'holdfast/v1': id },
    properties: { severity, routes },
    ...(chain.length > 0 && {
      codeFlows: [{ threadFlows: [{ locations: chain.slice(0, mostSteps).map(describeStep) }] }],
    }),
  }
}

const describeStep = (step: ChainStep): object => ({ location: { ...locate(step), message: { text: step.label } } })

function locate({ file, line, column }: Pick<ChainStep, 'file' | 'line' | 'column'>): object {
  const uri = file.split('/').map(encodeURIComponent).join('/')
  return { physicalLocation: { artifactLocation: { uri }, region: { startLine: line, startColumn: column } } }
}
