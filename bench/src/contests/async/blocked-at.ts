import { loadPeer } from '../../harness/load-peer.js'

type OnBlock = (ms: number, stack: readonly string[]) => void

/** The peer that tells where what blocks had been started. Its threshold is the one that it comes with. */
export async function startBlockedAt(onBlock: OnBlock): Promise<void> {
  const { default: blockedAt } = await loadPeer<{ default: (onBlock: OnBlock) => object }>('blocked-at')
  blockedAt(onBlock)
}
