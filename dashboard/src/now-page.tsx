import { BlockingNow, startBlocking } from './blocking-now'
import { now, seconds, startLive } from './live'
import { Plots } from './plots'
import { RoutesTable } from './routes-table'
import { Tiles } from './tiles'
import { Verdict } from './verdict'

export function startNow(): void {
  startLive()
  startBlocking()
}

export function NowPage() {
  return (
    <>
      <Verdict verdict={now.value?.verdict} newestAt={seconds.value.at(-1)?.at} />
      <BlockingNow />
      <Tiles />
      <Plots />
      <RoutesTable />
    </>
  )
}
