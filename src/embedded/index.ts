// STAND-IN until `src/embedded` lands from main, which replaces this file.
export function startEmbedded(): Promise<{ url: string; dataDir: string; stop: () => Promise<void> }> {
  return Promise.reject(new Error('stand-in'))
}
