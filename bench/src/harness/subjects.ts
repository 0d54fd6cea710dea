import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Stretch } from './types.js'

export interface RunningSubject {
  name: string
  /** Works for `size` ms, or does `size` jobs, with as many lanes as it was started with. */
  run(metric: string, size: number): Promise<Stretch>
  close(): Promise<void>
}

/** One that is a single process. */
export interface SubjectProcess extends RunningSubject {
  /** As a machine that loses power: nothing of it is told. */
  kill(): Promise<void>
  /** As a deployment ends a process: SIGTERM, and it closes in its own way. */
  terminate(): Promise<void>
}

/** How to start a subject; contests start one several times. */
export interface SubjectStart {
  name: string
  start(): Promise<RunningSubject>
}

/**
 * Starts a subject in a process of its own: neither's garbage nor compiled code weighs on another.
 * `execPath` is the Node it runs on. Default: the one of this process. `env` joins what this one has.
 */
export async function startSubject(
  name: string,
  module: URL,
  url: string,
  lanes: number,
  execPath: string = process.execPath,
  env: Readonly<Record<string, string>> = {},
): Promise<SubjectProcess> {
  const main = fileURLToPath(new URL('./subject-process.js', import.meta.url))
  const child = fork(main, [module.href, url, String(lanes)], { execPath, env: { ...process.env, ...env } })
  await nextMessage(name, child)
  return {
    name,
    run: async (metric, size) => {
      child.send({ metric, size, lanes })
      return (await nextMessage(name, child)) as Stretch
    },
    close: async () => {
      // It may have failed: that error is the one to be seen.
      if (!child.connected) return
      const ended = once(child, 'exit')
      child.send('close')
      await ended
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
    terminate: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function nextMessage(name: string, child: ChildProcess): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`The process of ${name} ended with ${code}.`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message)
    })
  })
}
