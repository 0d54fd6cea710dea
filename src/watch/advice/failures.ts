import { readSqlstate } from '../../core/index.js'

const reasons: Readonly<Record<string, string>> = {
  '42501': 'this role has not the right to read all of its tables, or to create a temporary table',
  '42P17': 'an expression of it depends on settings of the session, such as the time zone, and cannot be indexed',
  '42P18': 'the type of a parameter is not known from the text alone',
  '42704': 'a type of it has no such operators for an index',
  '55P03': 'a table is locked by somebody else just now',
  '57014': 'it took longer than two seconds',
  '25006': 'this server is read-only',
  '42P01': 'a table of it is not there',
  '42703': 'a column of it is not there',
  '42883': 'a function or operator of it is not there',
}

/** By the code alone: a message may repeat a value. Undefined: it is no answer of the server. */
export function explainFailure(error: unknown): string | undefined {
  const code = readSqlstate(error)
  return code === undefined ? undefined : (reasons[code] ?? `the server answered ${code}`)
}
