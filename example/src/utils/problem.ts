import { currentRequest } from 'holdfast'
import { toProblem } from 'holdfast/http'
import { STATUS_CODES } from 'node:http'
import { BoxError } from './errors.js'

/** Answers with problem+json (RFC 9457). What is not ours goes to holdfast, which hides the inside of unknown errors. */
export function answerProblem(error: unknown): Response {
  if (!(error instanceof BoxError)) return toProblem(error)
  const requestId = currentRequest()?.requestId
  const document = {
    ...error.details,
    type: `https://box-office.example/problems/${error.code.toLowerCase()}`,
    title: STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    detail: error.message,
    code: error.code,
    fix: error.fix,
    ...(error.fields.length > 0 && { fields: error.fields }),
    ...(requestId !== undefined && { requestId }),
  }
  return new Response(JSON.stringify(document), {
    status: error.status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', 'cache-control': 'no-store' },
  })
}
