import type { Db } from 'holdfast'
import { cutPage, type Page } from '../../utils/cursor.js'
import { eventNotFound, viewEvent, type BrowseQuery, type EventRow, type EventView, type SearchQuery } from './model.js'
import { findEvent, listUpcomingEvents, searchUpcomingEvents } from './repository.js'

export interface EventsService {
  browse(query: BrowseQuery): Promise<Page<EventView>>
  search(query: SearchQuery): Promise<Page<EventView>>
  getEvent(id: string): Promise<EventView>
}

export function createEventsService({ db }: { db: Db }): EventsService {
  async function browse(query: BrowseQuery): Promise<Page<EventView>> {
    return cutEvents(await listUpcomingEvents(db, query), query.limit)
  }

  async function search(query: SearchQuery): Promise<Page<EventView>> {
    return cutEvents(await searchUpcomingEvents(db, query), query.limit)
  }

  async function getEvent(id: string): Promise<EventView> {
    const row = await findEvent(db, id)
    if (!row) throw eventNotFound(id)
    return viewEvent(row)
  }

  return { browse, search, getEvent }
}

function cutEvents(rows: EventRow[], limit: number): Page<EventView> {
  return cutPage(rows, limit, { key: (row) => [row.starts_at.toISOString(), row.id], view: viewEvent })
}
