import type TS from 'typescript-5'
import { skipOuter } from '../resolve-call.js'
import { findModule } from '../routes/receivers.js'
import type { CallNode } from '../source-index.js'
import type { ScanContext } from './rule.js'

const clients =
  /^(axios|got|node-fetch|undici|superagent|ky|ofetch|cross-fetch|request|request-promise(-native)?|needle|phin|bent|wretch|https?|http2|stripe|nodemailer|resend|postmark|twilio|openai|mailgun\.js|googleapis|kafkajs|amqplib|@aws-sdk\/client-.+|aws-sdk|@sendgrid\/.+|@anthropic-ai\/sdk|@slack\/.+|@google-cloud\/.+|@octokit\/.+|octokit|@azure\/.+|@elastic\/elasticsearch|meilisearch|algoliasearch|firebase-admin|soap)$/
/** What of them goes out, where not everything does. */
const sending: Readonly<Record<string, RegExp>> = {
  http: /^(request|get)$/,
  https: /^(request|get)$/,
  nodemailer: /^sendMail$/,
  'aws-sdk': /^promise$/,
}
const local =
  /^(create|extend|use|on|once|off|setup|config|configure|isAxiosError|CancelToken|toString|catch|then|finally|destroy|end|close)$/

/** The name of a call that waits for another machine; undefined: it is none, as far as is known. */
export function nameNetworkCall({ project, index }: ScanContext, call: CallNode): string | undefined {
  const { ts, checker } = project
  if (ts.isNewExpression(call)) return undefined
  const callee = skipOuter(ts, call.expression)
  if (ts.isIdentifier(callee)) {
    if (callee.text === 'fetch' && isGlobal(checker, callee)) return 'fetch'
    const origin = index.importsOf(call.getSourceFile()).find(callee)
    if (origin === undefined || !clients.test(origin.module)) return undefined
    return sending[origin.module]?.test(origin.path) === false ? undefined : callee.text
  }
  if (!ts.isPropertyAccessExpression(callee)) return undefined
  const name = callee.name.text
  const module = local.test(name) ? undefined : findModule(project, index, callee.expression)
  if (module === undefined || !clients.test(module)) return undefined
  if (module.startsWith('@aws-sdk/') && name !== 'send') return undefined
  return sending[module]?.test(name) === false
    ? undefined
    : `${callee.expression.getText().replaceAll(/\s+/g, ' ').slice(0, 40)}.${name}`
}

function isGlobal(checker: TS.TypeChecker, name: TS.Identifier): boolean {
  return (
    checker.getSymbolAtLocation(name)?.declarations?.every((each) => each.getSourceFile().isDeclarationFile) !== false
  )
}
