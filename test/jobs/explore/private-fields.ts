import { Session, type Runtime } from 'node:inspector'

let session: Session | undefined
const holder = globalThis as { exploredObject?: object | undefined }

/** The private fields of an object, by name: what a mark remembers is part of the state, and its class shows none of it. */
export function readPrivateFields(object: object): Record<string, unknown> {
  holder.exploredObject = object
  try {
    const { result } = post<Runtime.EvaluateReturnType>('Runtime.evaluate', { expression: 'globalThis.exploredObject' })
    const fields = readProperties(result.objectId as string).privateProperties ?? []
    return Object.fromEntries(fields.map(({ name, value }) => [name, toValue(value as Runtime.RemoteObject)]))
  } finally {
    holder.exploredObject = undefined
  }
}

interface Properties extends Runtime.GetPropertiesReturnType {
  privateProperties?: { name: string; value?: Runtime.RemoteObject }[]
}

function readProperties(objectId: string): Properties {
  return post<Properties>('Runtime.getProperties', { objectId, ownProperties: true })
}

function toValue(object: Runtime.RemoteObject): unknown {
  if (object.type === 'bigint') return BigInt((object.unserializableValue as string).slice(0, -1))
  if (object.objectId === undefined) return object.value
  const { result } = readProperties(object.objectId)
  return Object.fromEntries(
    result.flatMap(({ name, value }) => (value && name !== '__proto__' ? [[name, toValue(value)]] : [])),
  )
}

/** On its own thread the inspector answers before `post` returns. */
function post<T>(method: string, params: object): T {
  let answer: T | undefined
  if (session === undefined) {
    session = new Session()
    session.connect()
  }
  session.post(method, params, (error, result) => {
    if (error) throw new Error(error.message)
    answer = result as T
  })
  if (answer === undefined) throw new Error(`The inspector gave no answer to ${method}.`)
  return answer
}
