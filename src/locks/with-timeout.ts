/** What is late is not waited for; whatever becomes of it is nobody's. */
export async function withTimeout<T>(work: Promise<T>, ms: number, describe: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(describe()), ms)
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}
