export * from './types.js'
export * from './errors.js'
export * from './histogram.js'
export * from './context.js'
