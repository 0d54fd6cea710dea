/** The peers are not installed with the repository, so they are unknown to the compiler: `Face` says what is used of one. */
export async function loadPeer<Face>(name: string): Promise<Face> {
  const loader = (await import(new URL('../../peers/load.mjs', import.meta.url).href)) as {
    loadPeer: (name: string) => Promise<unknown>
  }
  return (await loader.loadPeer(name)) as Face
}
