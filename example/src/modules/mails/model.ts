/** What a confirmation says, as the database gives it. */
export interface ConfirmedOrder {
  order_id: string
  customer_id: string
  title: string
  place: string
  starts_at: Date
  places: number
  total_cents: number
  currency: string
}

export interface Mail {
  order_id: string
  customer_id: string
  subject: string
  body: string
}
