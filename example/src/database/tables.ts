import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/** bigint identity: a string in JavaScript, made by the database. */
type Id = GeneratedAlways<string>
type Timestamp = ColumnType<Date, Date | string, Date | string>
type DefaultTimestamp = ColumnType<Date, Date | string | undefined, Date | string>

/** `pending`: its checkout is under way. */
export type OrderStatus = 'pending' | 'paid' | 'payment_failed' | 'cancelling' | 'cancelled'

export interface VenuesTable {
  id: Id
  name: string
  city: string
  country: string
  capacity: number
}

export interface EventsTable {
  id: Id
  venue_id: string
  title: string
  genre: string
  /** `Granite Hall, Lisbon`: copied from the venue so that one index searches all that people type. */
  place: string
  starts_at: Timestamp
  currency: string
  standing_price_cents: number
  /** From then on it is sold no more. */
  cancelled_at: Date | null
  search: ColumnType<string, never, never>
}

/** Apart from `events`: each sale rewrites this narrow row and not the event with its search vector. */
export interface StandingStockTable {
  event_id: string
  capacity: number
  remaining: number
}

export interface SeatsTable {
  id: Id
  event_id: string
  section: string
  row_label: string
  seat_number: number
  price_cents: number
  /** Null while the seat is free. Below zero: sold to that order before there were holds. */
  hold_id: string | null
}

export interface CustomersTable {
  id: Id
  email: string
  name: string
  created_at: DefaultTimestamp
}

export interface OrdersTable {
  id: Id
  customer_id: string
  event_id: string
  status: OrderStatus
  standing_quantity: number
  total_cents: number
  currency: string
  /** Makes the idempotency key of its refund, the same at every attempt. */
  payment_key: Generated<string>
  charge_id: string | null
  refund_id: string | null
  /** Of the numbered seats and of the standing places. An order with places and neither is from before there were holds. */
  seats_hold_id: string | null
  standing_hold_id: string | null
  /** Null: from before checkouts were sagas. */
  checkout_id: string | null
  created_at: DefaultTimestamp
  paid_at: Timestamp | null
  cancelled_at: Timestamp | null
}

/** What was bought, kept after a cancellation has freed the seats. */
export interface OrderItemsTable {
  order_id: string
  line: number
  /** Null for standing places. */
  seat_id: string | null
  quantity: number
  price_cents: number
}

/** A hold is of one checkout, also when that has been undone: its places have another hold then. */
export interface CheckoutHoldsTable {
  hold_id: string
  checkout_id: string
}

/** One for each place of a paid order. */
export interface TicketsTable {
  order_id: string
  number: number
  seat_id: string | null
  code: Generated<string>
}

/** Confirmations, one per order. */
export interface OutgoingMailsTable {
  order_id: string
  customer_id: string
  subject: string
  body: string
  written_at: DefaultTimestamp
}

/** The last export of each customer. */
export interface OrderExportsTable {
  customer_id: string
  made_at: DefaultTimestamp
  orders: number
  csv: string
  fence: string
}

/** What was ordered from the shop's former system. */
export interface PastOrdersTable {
  id: Id
  customer_id: string
  title: string
  places: number
  total_cents: number
  currency: string
  ordered_at: Timestamp
}

/** How far the import of the past orders is: one row, or none. */
export interface HistoryImportsTable {
  id: number
  regulars: string[]
  target: number
  imported: number
}

export interface SeedRunsTable {
  id: number
  seed: number
  anchor: Timestamp
}

export interface SeedBatchesTable {
  part: string
  batch: number
  done_at: DefaultTimestamp
}

/** The box office's own database. */
export interface Tables {
  venues: VenuesTable
  events: EventsTable
  standing_stock: StandingStockTable
  seats: SeatsTable
  customers: CustomersTable
  orders: OrdersTable
  order_items: OrderItemsTable
  checkout_holds: CheckoutHoldsTable
  tickets: TicketsTable
  outgoing_mails: OutgoingMailsTable
  order_exports: OrderExportsTable
  past_orders: PastOrdersTable
  history_imports: HistoryImportsTable
  seed_runs: SeedRunsTable
  seed_batches: SeedBatchesTable
}
