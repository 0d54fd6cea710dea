import type TS from 'typescript-5'
import type { Project } from './project.js'
import { ruleNames } from './rule-names.js'
import type { SourceFinding } from './types.js'

const marker = /^[ \t]*\{?(?:\/\/|\/\*)[ \t]*holdfast-ignore-next-line\b[ \t]*([^\n]*?)(?:\*\/\}?)?[ \t]*$/gm

interface Suppression {
  rules: readonly string[]
  /** The line that it is about, from 1. */
  line: number
}

export interface Suppressed {
  findings: SourceFinding[]
  suppressed: number
  complaints: string[]
}

/** Takes out what `// holdfast-ignore-next-line <rule> -- reason` silences; without a reason it silences nothing. */
export function suppress(project: Project, findings: readonly SourceFinding[]): Suppressed {
  const complaints: string[] = []
  const byFile = new Map<string, Suppression[]>()
  for (const file of project.files) {
    const found = readComments(file, project.showPath(file.fileName), complaints)
    if (found.length > 0) byFile.set(project.showPath(file.fileName), found)
  }
  const left = findings.filter(
    ({ file, line, rule }) =>
      byFile.get(file)?.some((each) => each.line === line && each.rules.includes(rule)) !== true,
  )
  return { findings: left, suppressed: findings.length - left.length, complaints }
}

function readComments(file: TS.SourceFile, shown: string, complaints: string[]): Suppression[] {
  if (!file.text.includes('holdfast-ignore-next-line')) return []
  return [...file.text.matchAll(marker)].flatMap((match) => {
    const { line } = file.getLineAndCharacterOfPosition(match.index)
    const [names = '', reason = ''] = (match[1] as string).split(/\s--\s/)
    const rules = names
      .split(/[\s,]+/)
      .filter((each) => each !== '')
      .map((each) => (each.startsWith('doctor/') ? each : `doctor/${each}`))
    const at = `${shown}:${line + 1}`
    const unknown = rules.find((each) => !(ruleNames as readonly string[]).includes(each))
    if (rules.length === 0) complaints.push(`${at}: the comment names no rule, and silences nothing.`)
    else if (unknown !== undefined) complaints.push(`${at}: there is no rule ${unknown}.`)
    else if (reason.trim() === '')
      complaints.push(`${at}: the comment gives no reason after " -- ", and silences nothing.`)
    else return [{ rules, line: skipComments(file, line + 1) + 1 }]
    return []
  })
}

/** Another tool's comment may stand between it and the line that both are about. */
function skipComments(file: TS.SourceFile, from: number): number {
  const starts = file.getLineStarts()
  let line = from
  while (line < starts.length && /^\s*(\/\/|\/\*|\*|$)/.test(file.text.slice(starts[line], starts[line + 1]).trimEnd()))
    line++
  return line
}
