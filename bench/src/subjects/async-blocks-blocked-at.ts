import pg from 'pg'
import { openBlocksApp, type Told } from '../contests/async/blocks-app.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface BlockedAt {
  default: (onBlock: (ms: number, stack: readonly string[]) => void, options: { threshold: number }) => object
}

/** It tells where what ran had been started. Its threshold is its own: 20 ms. */
const subject: Subject = {
  open: async (url, lanes) => {
    const { default: blockedAt } = await loadPeer<BlockedAt>('blocked-at')
    const told: Told[] = []
    blockedAt((_ms, stack) => void told.push({ kind: 'blocked-at', places: stack.flatMap(readPlace), route: '' }), {
      threshold: 20,
    })
    const pool = new pg.Pool({ connectionString: url, max: lanes })
    return await openBlocksApp({
      folder: process.env['BLOCKS_FOLDER'] as string,
      query: async (text, values) => await pool.query(text, values),
      tell: () => told.splice(0),
      close: async () => await pool.end(),
    })
  },
}

function readPlace(frame: string): string[] {
  const place = /(\/[^():]+:\d+):\d+\)?$/.exec(frame)?.[1]
  return place === undefined ? [] : [place.replace(/^\/\/(?=\/)/, '')]
}

export default subject
