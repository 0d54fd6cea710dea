import { validateOptions, type Invariant } from '../../core/index.js'
import { appLabOptionTable } from '../options.js'
import { openClashLab } from '../replay/lab.js'
import type { ClashLab } from '../types.js'
import { Hub } from './hub.js'
import { startApp, type RunningApp } from './start-app.js'

export interface AppLabOptions {
  /** The database that the application uses. It is cloned, and never written. */
  url: string
  /** Starts the application, as in a shell: `node app.js`. */
  command: string
  /** Where it listens. Default: it is given one as PORT, and tells where it listens. */
  port?: number
  /** It has to listen within. Default: 30 000 ms. */
  startMs?: number
  invariants?: readonly Invariant[]
  signal?: AbortSignal
}

/**
 * The same for an application that is not changed: it is started on the clone, in a process of its own, and asked by HTTP.
 *
 * @example
 * const lab = await openAppLab({ url, command: 'node server.js' })
 * const report = await lab.replay(httpRequest('POST /orders'), httpRequest('POST /orders'))
 * @throws HF_CLASH_CLONE, HF_CLASH_APP
 */
export async function openAppLab(options: AppLabOptions): Promise<ClashLab<RunningApp>> {
  validateOptions('openAppLab', options, appLabOptionTable)
  const { url, command, port, startMs = 30_000, invariants = [], signal } = options
  const hub = await Hub.open()
  try {
    const lab = await openClashLab<RunningApp>({
      url,
      open: async (clone) => await startApp({ command, url, clone, hub, port, startMs, signal }),
      // Its statements are stopped where it runs.
      drivers: [],
      invariants,
    })
    return {
      ...lab,
      close: async () => {
        await lab.close()
        await hub.close()
      },
    }
  } catch (error) {
    await hub.close()
    throw error
  }
}
