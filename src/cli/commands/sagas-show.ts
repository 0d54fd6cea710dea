import type { Db } from '../../core/index.js'
import { describeMissing, inspectSagas, type SagaDetails, type SagaStepView } from '../../sagas/index.js'
import type { CommandInput } from '../command.js'
import { formatAge, showText, wrapText, type Terminal } from '../terminal.js'
import { formatTime } from './sagas-overview.js'

/** Exit code 1 when it is stuck, or there is none. */
export async function showSaga(db: Db, { words, options, terminal }: CommandInput): Promise<number> {
  const id = words[1] as string
  const saga = await inspectSagas(db).details(id, { withPayload: options['payload'] === true })
  if (saga === undefined) throw describeMissing(id)
  if (options['json']) terminal.printJson(saga)
  else printSaga(saga, terminal)
  return saga.state === 'stuck' ? 1 : 0
}

function printSaga(saga: SagaDetails, terminal: Terminal): void {
  const { id, name, version, state, sentence, error, steps, input, output } = saga
  terminal.print(`${terminal.paint('bold', showText(id))}  ${state}  ${showText(name)} v${version}`)
  for (const line of wrapText(showText(sentence), terminal.width, '  ')) terminal.print(line)
  const facts: [string, string][] = [
    ['started', formatTime(saga.startedAt)],
    saga.finishedAt === null ? ['ends by', formatTime(saga.endsBy)] : ['ended', formatTime(saga.finishedAt)],
  ]
  if (error !== null)
    facts.push(['reason', `${error.step === undefined ? '' : `${error.step}: `}${error.name}: ${error.message}`])
  for (const [title, text] of facts) printFact(title, text, terminal)
  // Unbroken: it is what one copies.
  if (input !== null) terminal.print(`  ${'input'.padEnd(10)}${showText(input.text)}${input.isCut ? '…' : ''}`)
  if (output !== null) terminal.print(`  ${'output'.padEnd(10)}${showText(output.text)}${output.isCut ? '…' : ''}`)
  if (steps.length > 0) terminal.print('')
  for (const step of steps) printStep(step, saga, terminal)
  printHistory(saga, terminal)
}

function printStep(step: SagaStepView, { nowAt, state }: SagaDetails, terminal: Terminal): void {
  const { seq, kind, name, outcome, attempts, startedAt, endedAt, until, output } = step
  const how = outcome ?? (state === 'stuck' ? 'stuck here' : 'under way')
  const took = formatAge((endedAt ?? nowAt).getTime() - startedAt.getTime())
  const facts = [`${String(seq).padStart(3)}  ${kind.padEnd(5)}  ${showText(name)}`, how, took]
  if (attempts > 1) facts.push(`${attempts} attempts`)
  if (until !== null) facts.push(`until ${formatTime(until)}`)
  for (const line of indent(facts.join('  '), terminal, '            ')) terminal.print(line)
  for (const text of [step.error && `${step.error.name}: ${step.error.message}`, describeUndo(step)])
    if (text) for (const line of wrapText(showText(text), terminal.width, '            ')) terminal.print(line)
  if (output !== null) terminal.print(`            ${showText(output.text)}${output.isCut ? '…' : ''}`)
}

/** The first line as it is, its columns included; what does not fit goes below. */
function indent(text: string, terminal: Terminal, under: string): string[] {
  if (text.length <= terminal.width) return [text]
  const cut = text.lastIndexOf('  ', terminal.width)
  return cut <= under.length ? [text] : [text.slice(0, cut), ...wrapText(text.slice(cut + 2), terminal.width, under)]
}

function describeUndo({ undo, isToUndo }: SagaStepView): string | undefined {
  if (undo === null) return isToUndo ? 'undo: to come, if it has one' : undefined
  const at = undo.at === null ? '' : ` ${formatTime(undo.at)}`
  if (undo.state !== 'failing')
    return `undo: ${undo.state}${at}${undo.attempts > 1 ? `, ${undo.attempts} attempts` : ''}`
  const error = undo.error === null ? '' : `: ${undo.error.name}: ${undo.error.message}`
  return `undo: failing, ${undo.attempts === 1 ? '1 attempt' : `${undo.attempts} attempts`}${error}`
}

function printHistory({ signals, actions }: SagaDetails, terminal: Terminal): void {
  const lines = [
    ...signals.map(({ event, sentAt, fate }) => `${formatTime(sentAt)}  signal ${event}, ${fate}`),
    ...actions.map(({ action, step, actor, reason, at }) => {
      const what = step === null ? action : `${action} ${step}`
      return `${formatTime(at)}  ${what} by ${actor ?? 'nobody named'}${reason === null ? '' : `: ${reason}`}`
    }),
  ]
  if (lines.length > 0) terminal.print('')
  for (const line of lines.toSorted())
    for (const part of wrapText(showText(line), terminal.width, '  ')) terminal.print(part)
}

function printFact(title: string, text: string, terminal: Terminal): void {
  const [first = '', ...others] = wrapText(showText(text), terminal.width - 12)
  terminal.print(`  ${title.padEnd(10)}${first}`)
  for (const line of others) terminal.print(`${''.padEnd(12)}${line}`)
}
