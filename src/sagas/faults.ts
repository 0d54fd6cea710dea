// Why a saga comes to another end than its function's, as it is kept and shown.

import type { AnyDefinition } from './define-saga.js'
import { sagasError, type sagasErrors } from './errors.js'
import { describeError } from './payload.js'
import type { SagaError } from './types.js'

const describe = (code: keyof typeof sagasErrors, message: string, step?: string): SagaError =>
  describeError(sagasError(code, message), step)

export const describeDuplicate = ({ name }: AnyDefinition, step: string): SagaError =>
  describe('HF_SAGAS_STEP_DUPLICATE', `Saga ${name} has two steps named ${step}.`, step)

export const describeTimeout = ({ name, timeoutMs }: AnyDefinition): SagaError =>
  describe('HF_SAGAS_TIMEOUT', `Saga ${name} took longer than ${timeoutMs} ms.`)

export function describeStall({ name }: AnyDefinition, idleMs: number): SagaError {
  const what = `has awaited something that is no step for ${Math.round(idleMs)} ms`
  return describe('HF_SAGAS_STALLED', `The function of saga ${name} ${what}.`)
}

export const describeCancel = (id: string): SagaError => describe('HF_SAGAS_CANCELLED', `Saga ${id} was cancelled.`)

export const describeChange = ({ name, version }: AnyDefinition, what: string): SagaError =>
  describe('HF_SAGAS_CODE_CHANGED', `Saga ${name}, version ${version}: ${what}`)

export const describeCrashes = (id: string, crashes: number, steps: readonly string[]): SagaError =>
  describe('HF_SAGAS_CRASHING', `${crashes} processes died with saga ${id}, in ${steps.join(', ') || 'its function'}.`)
