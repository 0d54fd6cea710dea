import type { Reporter, TestModule } from 'vitest/node'

/** Prints `N passed, N failed` as the last line of a run, and fails a CI run that skipped something. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    // A run in which nothing ran (a setup that threw, a filter that matched nothing) is not a green one.
    const counts = { passed: 0, failed: Math.max(errors.length, modules.length === 0 ? 1 : 0), skipped: 0 }
    const skipped: string[] = []
    for (const module of modules) {
      if (module.children.size === 0 && !module.ok()) counts.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'pending') continue
        counts[state]++
        if (state === 'skipped') skipped.push(`${module.relativeModuleId}: ${test.fullName}`)
      }
    }
    if (skipped.length > 0) process.stdout.write(`\nSkipped:\n${skipped.map((name) => `  ${name}\n`).join('')}`)
    if (skipped.length > 0 && process.env['CI'] !== undefined) process.exitCode = 1
    const tail = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
    process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${tail}\n`)
  }
}
