import { defineErrors, type ErrorTable } from '../core/index.js'

export const proveErrors = {
  HF_PROVE_UNKNOWN: {
    summary: 'There is no experiment of that name.',
    when: 'Nothing was run. The message names the nearest one that exists.',
    fix: 'Run `holdfast prove` to list the experiments.',
    exitCode: 2,
  },
  HF_PROVE_NO_SCRATCH: {
    summary: 'The scratch schema or database of an experiment cannot be made.',
    when: 'The role may not create a schema in this database, or, for an experiment with tables of holdfast, no database. Nothing was run.',
    fix: 'Point DATABASE_URL at a development database whose role may create schemas (`grant create on database`) and databases (`alter role … createdb`), or unset it to use the embedded PostgreSQL.',
    exitCode: 3,
  },
  HF_PROVE_DEADLINE: {
    summary: 'A side of an experiment did not end within its deadline.',
    when: 'What it had made was dropped; the result would mean nothing.',
    fix: 'Run it again on a machine with less other load.',
    retryable: true,
  },
} satisfies ErrorTable

export const proveError = defineErrors(proveErrors)
