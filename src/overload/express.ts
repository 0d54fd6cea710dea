import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Enter } from './create-admission.js'
import { admitRaw } from './node.js'
import { sendRefusal } from './refusal.js'

export function admitExpress(enter: Enter) {
  return function admit(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    admitRaw(enter, request, response, next, (reason) => sendRefusal(reason, request, response))
  }
}
