// Made by `npm run generate`: what the migrations make, read back from PostgreSQL. Do not edit.

import type { CatalogRow } from './store.js'

export const catalog: readonly CatalogRow[] = []
