import { toProblem } from 'holdfast/http'
import { BoxError } from './errors.js'

/** Answers with problem+json (RFC 9457). What is not ours goes to holdfast, which hides the inside of unknown errors. */
export function answerProblem(error: unknown): Response {
  if (!(error instanceof BoxError)) return toProblem(error)
  const body = {
    type: `https://box-office.example/problems/${error.code.toLowerCase()}`,
    title: error.message,
    status: error.status,
    code: error.code,
    fix: error.fix,
    ...error.details,
    ...(error.fields.length > 0 && { fields: error.fields }),
  }
  return new Response(JSON.stringify(body), {
    status: error.status,
    headers: { 'content-type': 'application/problem+json' },
  })
}
