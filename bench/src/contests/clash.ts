import { createPeerContest } from '../harness/peer-contest.js'
import { corpora } from './clash/corpora.js'
import { cpu } from './clash/cpu.js'
import { firstContact } from './clash/first-contact.js'
import { firstFinding } from './clash/first-finding.js'
import { overHttp } from './clash/over-http.js'

/** Whether pairs of requests that can collide are found, replayed and fixed, in handlers that nobody wrote for it. */
export const clashContest = createPeerContest({
  name: 'clash',
  parts: {
    firstContact,
    corpora: async ({ input }) => await corpora(input),
    overHttp: async ({ input }) => await overHttp(input),
    cpu,
    firstFinding,
  },
  peers: ['pg', 'fastify'],
  onPostgres: ['all'],
  settings: {
    corpora:
      'every request followed; ordinary traffic of each case, one request after the other; replayed in place, two preemptions at most; safe labels by up to 100 schedules of any number of turns',
    overHttp:
      'fifteen cases of the set known, each started as an application in a process of its own with holdfast/register in front',
    fixes: 'proposals at the gate, until one holds; cost with both requests at once, five times',
    cpu: 'the service of the contest watch, 8 clients, stretches of 20 s',
    firstFinding: 'watch with its defaults, 50 requests a second over a thousand rows',
  },
})
