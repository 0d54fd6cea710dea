// What the runs with several processes have in common: their server, the proxy before it, and what is done to both.
import { startProxy, throughProxy, type Proxy } from 'holdfast/prove'
import { startServer, type ChaosServer } from './core/server.js'
import type { Crew } from './crew.js'
import { wait, type Tally } from './invariants.js'

export interface Stage {
  server: ChaosServer
  /** Programs reach the server through it: a restarted server may have another port. */
  proxy: Proxy
  /** Through the proxy. */
  url: string
  close: () => Promise<void>
}

export interface Scene {
  server: ChaosServer
  proxy: Proxy
  crew: Crew
  random: () => number
}

export type Faults = Record<string, (scene: Scene) => Promise<void> | void>

export async function openStage(settings: Record<string, string> = {}): Promise<Stage> {
  const server = await startServer(settings)
  const proxy = await startProxy(addressOf(server))
  return {
    server,
    proxy,
    url: throughProxy(server.url(), proxy),
    close: async () => {
      await proxy.close()
      await server.close()
    },
  }
}

export const serverFaults: Faults = {
  'server crash (kill -9)': async (scene) => await backUp(scene, scene.server.crash()),
  'server restart': async (scene) => await backUp(scene, scene.server.restart()),
  'backends terminated': async ({ server }) => {
    await server.query(`select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'holdfast' order by random() limit 5`)
  },
}

export const linkFaults: Faults = {
  'sockets cut': ({ proxy }) => proxy.cut(),
  'network silent, then back': async ({ proxy, random }) => {
    proxy.stall(true)
    await wait(100 + random() * 1_400)
    proxy.stall(false)
  },
  'cut before COMMIT arrives': ({ proxy }) => cutCommits(proxy, 'before'),
  'cut after COMMIT, before its answer': ({ proxy }) => cutCommits(proxy, 'after'),
  'listening connections terminated': async ({ server }) => {
    await server.query(`select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %'`)
  },
}

/** `freezeMs`: longer than whatever a stopped worker must lose by it. */
export function workerFaults(freezeMs: number): Faults {
  return {
    'worker killed': ({ crew, random }) => crew.kill(random),
    'worker stopped past its lease': async ({ crew, random }) => await crew.freeze(random, freezeMs),
    'worker retired': ({ crew, random }) => crew.retire(random),
    'clock of a worker set': ({ crew, random }) => crew.setClock(random),
  }
}

function cutCommits(proxy: Proxy, when: 'before' | 'after'): void {
  for (let times = 0; times < 5; times++) proxy.cutNextCommit(when)
}

async function backUp({ server, proxy }: Scene, outage: Promise<void>): Promise<void> {
  await outage
  proxy.redirect(addressOf(server))
}

function addressOf(server: ChaosServer): { host: string; port: number } {
  const { hostname, port } = new URL(server.url())
  return { host: hostname, port: Number(port) }
}

export interface Storm {
  scene: Scene
  faults: Faults
  injected: Tally
  /** Resolves when the next one is due. */
  pace: () => Promise<unknown>
  report: (name: string) => void
}

export function pickFaults(faults: Faults, only: readonly string[] = Object.keys(faults)): Faults {
  return Object.fromEntries(Object.entries(faults).filter(([name]) => only.includes(name)))
}

/** One fault after the other, each kind once before any comes again, until the work is over. */
export async function injectUntil(
  work: Promise<unknown>,
  { scene, faults, injected, pace, report }: Storm,
): Promise<void> {
  let isOver = false
  const over = work.then(() => (isOver = true))
  let names: string[] = []
  while (!isOver) {
    await Promise.race([over, pace()])
    if (isOver) break
    if (names.length === 0) names = Object.keys(faults).toSorted(() => scene.random() - 0.5)
    const name = names.pop() as string
    report(name)
    await faults[name]?.(scene)
    injected.add(name)
  }
}

/** Resolves once each kind of fault has come. */
export async function reachAll(faults: Faults, injected: Tally): Promise<void> {
  while (Object.keys(faults).some((name) => injected.get(name) === 0)) await wait(20)
}
