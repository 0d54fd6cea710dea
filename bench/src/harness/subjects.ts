import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Stretch } from './types.js'

export interface RunningSubject {
  name: string
  /** Works for `ms` with as many lanes as it was started with. */
  run(metric: string, ms: number): Promise<Stretch>
  close(): Promise<void>
}

/** How to start a subject; contests start one several times. */
export interface SubjectStart {
  name: string
  start(): Promise<RunningSubject>
}

/** Starts a subject in a process of its own: neither's garbage nor compiled code weighs on another. */
export async function startSubject(name: string, module: URL, url: string, lanes: number): Promise<RunningSubject> {
  const main = fileURLToPath(new URL('./subject-process.js', import.meta.url))
  const child = fork(main, [module.href, url, String(lanes)])
  await nextMessage(child)
  return {
    name,
    run: async (metric, ms) => {
      child.send({ metric, ms, lanes })
      return (await nextMessage(child)) as Stretch
    },
    close: async () => {
      const ended = once(child, 'exit')
      child.send('close')
      await ended
    },
  }
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`A subject's process ended with ${code}.`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message)
    })
  })
}
