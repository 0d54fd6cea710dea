/** @module Reads a server's source and tells what will hurt it under load: by route, with the way there. */

export { readBaseline, writeBaseline } from './baseline.js'
export { doctorErrors } from './errors.js'
export { promoteFindings } from './promote.js'
export { toSarif } from './sarif.js'
export { scanSource } from './scan.js'
export type {
  ChainStep,
  LayerFolders,
  RuleId,
  RunTimeEvidence,
  ScanFigures,
  ScanOptions,
  ScanReport,
  Severity,
  SourceFinding,
} from './types.js'
