import { watchOutbound } from '../core/early.js'
import { hookSyncCalls } from '../watch/blocking/sync-calls.js'
import { countPoolCalls } from '../watch/blocking/threadpool-calls.js'
import { installClash } from './clash.js'
import { observeFastify } from './frameworks.js'
import { observeModules } from './modules.js'
import { Recorder } from './recorder.js'
import { observeServers } from './servers.js'
import { readSettings } from './settings.js'
import { flushAtExit } from './shutdown.js'
import { createMeetings } from './targets.js'

/** One for a process (or a worker thread), whoever brings it. */
const installed = Symbol.for('holdfast.register.installed')

/** Must be cheap and load no driver: it runs in front of every program that NODE_OPTIONS reaches. */
export function install(): void {
  const settings = readSettings(process.env)
  const global = globalThis as Record<symbol, unknown>
  if (settings.isOff || global[installed] === true) return
  global[installed] = true
  if (settings.gate) return installClash(settings.gate.port, settings.gate.token)
  const recorder = new Recorder(settings)
  observeModules(createMeetings(recorder))
  observeServers((request, ms) => recorder.endRequest(request, ms))
  observeFastify()
  watchOutbound()
  if (settings.blocking) {
    // Before the application takes them out of their modules.
    hookSyncCalls()
    countPoolCalls()
  }
  flushAtExit(recorder)
  recorder.say('holdfast watches this process.')
}
