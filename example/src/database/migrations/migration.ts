/** One step of a database's schema. Forward only; a step that has been released is never edited. */
export interface Migration {
  /** `0001_orders`: applied in this order, each once. */
  name: string
  /** Runs in one transaction with all other missing steps. */
  sql: string
}
