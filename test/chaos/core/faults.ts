import type { Proxy } from 'holdfast/prove'
import { wait } from '../invariants.js'
import type { ChaosServer } from './server.js'

export interface Scene {
  server: ChaosServer
  proxy: Proxy
  random: () => number
}

type Fault = (scene: Scene) => Promise<void>

/** Each resolves when it is over and the server can be reached again. */
const faults: Record<string, Fault> = {
  'server crash (kill -9)': async (scene) => await backUp(scene, scene.server.crash()),
  'server restart': async (scene) => await backUp(scene, scene.server.restart()),
  'backends terminated': async ({ server, random }) => {
    const text = `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'chaos-app' order by random() limit $1`
    await server.query(text, [1 + Math.floor(random() * 8)])
  },
  'sockets cut': async ({ proxy }) => proxy.cut(),
  'network silent, then back': async ({ proxy, random }) => {
    proxy.stall(true)
    await wait(100 + random() * 1_400)
    proxy.stall(false)
  },
  'connections half-open for good': async ({ proxy }) => proxy.freeze(),
  'cut before COMMIT arrives': async ({ proxy }) => cutCommits(proxy, 'before'),
  'cut after COMMIT, before its answer': async ({ proxy }) => cutCommits(proxy, 'after'),
}

/** Its end is not ours to set: the application finds each dead connection at a deadline of its own. */
const endless = 'connections half-open for good'

function cutCommits(proxy: Proxy, when: 'before' | 'after'): void {
  for (let times = 0; times < 5; times++) proxy.cutNextCommit(when)
}

async function backUp({ server, proxy }: Scene, outage: Promise<void>): Promise<void> {
  await outage
  const { hostname, port } = new URL(server.url())
  proxy.redirect({ host: hostname, port: Number(port) })
}

export interface PlannedFault {
  name: string
  /** Starts once so many requests were answered. */
  atDone: number
}

/** Every kind comes once before any comes again; instants are random, and the last fault is one that has an end. */
export function planFaults(requests: number, times: number, random: () => number): PlannedFault[] {
  const names: string[] = []
  while (names.length < times) names.push(...shuffle(Object.keys(faults), random))
  names.length = times
  const last = names.findLastIndex((name) => name !== endless)
  names.push(...names.splice(last, 1))
  const step = (requests * 0.85) / times
  return names.map((name, index) => ({ name, atDone: Math.floor(requests * 0.05 + step * (index + random())) }))
}

export async function injectFault(name: string, scene: Scene): Promise<void> {
  await (faults[name] as Fault)(scene)
}

function shuffle<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
