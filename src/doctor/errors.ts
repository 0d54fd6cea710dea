import { defineErrors, type ErrorTable } from '../core/index.js'

export const doctorErrors = {
  HF_DOCTOR_COMPILER_MISSING: {
    summary: 'The compiler of the static scan is not installed.',
    when: 'A folder was to be scanned, and the optional package `typescript-5` is not there: optional packages were left out, or the install of it failed. The TypeScript of the project is never used instead.',
    fix: 'Install it beside holdfast: `npm install --save-dev typescript-5@npm:typescript@5.9.3`.',
    exitCode: 2,
  },
  HF_DOCTOR_TARGET: {
    summary: 'There is nothing to scan.',
    when: 'The path does not exist, or holds no source file outside of tests, node_modules and build output. Nothing was read.',
    fix: 'Give the folder that holds the server’s source, such as `holdfast scan src/`.',
    exitCode: 2,
  },
  HF_DOCTOR_CONFIG: {
    summary: 'A tsconfig.json cannot be read.',
    when: 'It is no valid JSON with comments. Paths and JSX settings would be missing, and calls would go unseen.',
    fix: 'Correct the file that the message names.',
    exitCode: 2,
  },
  HF_DOCTOR_BASELINE: {
    summary: 'The baseline file cannot be used.',
    when: 'It does not exist, is no JSON, or was not written by this program. Nothing was compared.',
    fix: 'Write it with `--write-baseline`, and commit it.',
    exitCode: 2,
  },
} as const satisfies ErrorTable

export const doctorError = defineErrors(doctorErrors)
