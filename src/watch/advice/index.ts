/** @module Indexes that would help a statement, proven before they are built, and those that help none. */

export { adviseIndexes } from './advise.js'
export { listIndexFaults, type IndexFaults } from './faults.js'
export type { Advice, AdviceAsk, AdvicePool, IndexAdvice, IndexFault, IndexKind, IndexProof } from './types.js'
