import { Agent, request } from 'node:http'
import { Histogram } from '../core/index.js'

export interface Visit {
  port: number
  method: 'GET' | 'POST'
  path: string
}

/** Clients of an HTTP server that keep their connections, as those behind a balancer do. */
export class Visitors {
  readonly #agent = new Agent({ keepAlive: true })

  /** Resolves when the answer has come. @throws when it is none of success */
  async visit({ port, method, path }: Visit): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const asked = request({ agent: this.#agent, host: '127.0.0.1', port, method, path }, (response) => {
        const { statusCode = 0 } = response
        const isDone = statusCode >= 200 && statusCode < 300
        response.resume().once('error', reject)
        response.once('end', () => (isDone ? resolve() : reject(new Error(`It was answered ${statusCode}.`))))
      })
      asked.once('error', reject).end()
    })
  }

  /** So many at once, each of them again and again, until the time is over. */
  async crowd(most: number, forMs: number, pick: (n: number) => Visit): Promise<{ perSecond: number; p99Ms: number }> {
    const latency = new Histogram()
    const startedAt = performance.now()
    let visits = 0
    const visitor = async () => {
      while (performance.now() - startedAt < forMs) {
        const askedAt = performance.now()
        await this.visit(pick(visits++))
        latency.record(performance.now() - askedAt)
      }
    }
    await Promise.all(Array.from({ length: most }, visitor))
    const perSecond = (1_000 * visits) / (performance.now() - startedAt)
    return { perSecond: Math.round(perSecond), p99Ms: Math.round(10 * latency.percentileMs(0.99)) / 10 }
  }

  close(): void {
    this.#agent.destroy()
  }
}
