import type { Logger } from './logger.js'

/** After this long, ending is no longer waited for. Below the 2 s after which a supervisor kills. */
const stopWithinMs = 1_800

/** Is this process a child of `start.ts`? It then has an IPC channel to it. */
export function isSupervised(): boolean {
  return process.channel !== undefined && process.channel !== null
}

/** Tells the supervisor something, if there is one. */
export function reportToSupervisor(message: object): void {
  process.send?.(message)
}

/**
 * Ends the process in order, once, on SIGTERM, SIGINT or when the supervisor is gone (killed with -9, it could not
 * tell us: without this, its children would live on and keep the port). A supervised process leaves SIGINT to its
 * supervisor: Ctrl-C reaches the whole process group, and a child that ends by itself would look like a crash.
 */
export function onShutdown(logger: Logger, stop: () => Promise<void>): void {
  let isStopping = false
  const shutDown = (reason: string) => {
    if (isStopping) return
    isStopping = true
    logger.debug({ reason }, 'stopping')
    setTimeout(() => process.exit(1), stopWithinMs).unref()
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'stopping failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => shutDown('SIGTERM'))
  process.on('SIGINT', () => (isSupervised() ? undefined : shutDown('SIGINT')))
  process.on('disconnect', () => shutDown('supervisor gone'))
  // It may have gone while this process was connecting, before anybody listened; `send` tells that there was one.
  if (process.send !== undefined && !process.connected) shutDown('supervisor gone')
  // The listener above refs the channel, which would keep a process alive whose work is done.
  process.channel?.unref()
}
