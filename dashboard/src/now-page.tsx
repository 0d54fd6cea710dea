import { now, seconds } from './live'
import { Plots } from './plots'
import { RoutesTable } from './routes-table'
import { Tiles } from './tiles'
import { Verdict } from './verdict'

export { startLive } from './live'

export function NowPage() {
  return (
    <>
      <Verdict verdict={now.value?.verdict} newestAt={seconds.value.at(-1)?.at} />
      <Tiles />
      <Plots />
      <RoutesTable />
    </>
  )
}
