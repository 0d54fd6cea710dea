/** @module What results are made of: rows that a join multiplies, lost columns, unread ones, results without a limit, N + 1. */

export { analyseShape, type AnalyseLimits, type DataShape, type SourceFigures } from './analyse.js'
export { parseLookup } from './lookup.js'
export { lookQuickly } from './quick-look.js'
export { describeRepeat, findRepeats } from './repeats.js'
export { readShape, type ResultLike, type ResultShape } from './result-shape.js'
export { createShapeObserver, type ShapeObserverOptions } from './shape-observer.js'
export { readTables, type TableInfo } from './store.js'
export { watchShapes, type ShapeWatch } from './watch-shapes.js'
