// Exported by node-postgres (`./lib/*`), without types of its own.
declare module 'pg/lib/utils.js' {
  const utils: { prepareValue(value: unknown): string | Buffer | null }
  export default utils
}
