import { loadPeer } from '../../harness/load-peer.js'
import { dbos as config } from './settings.js'

export interface Dbos {
  setConfig: (config: object) => void
  launch: () => Promise<void>
  shutdown: (options?: { workflowCompletionTimeoutMS?: number }) => Promise<void>
  registerWorkflow: <Input, Output>(
    body: (input: Input) => Promise<Output>,
    options: { name: string },
  ) => (input: Input) => Promise<Output>
  runStep: <Output>(step: () => Promise<Output>, options: { name: string }) => Promise<Output>
  readonly workflowID: string | undefined
}

/** Not launched yet: workflows are registered before. The version is given, so that several processes have the same. */
export async function loadDbos(url: string, more: object = {}): Promise<Dbos> {
  const { DBOS } = await loadPeer<{ DBOS: Dbos }>('@dbos-inc/dbos-sdk')
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, applicationVersion: 'bench', ...config, ...more })
  return DBOS
}
