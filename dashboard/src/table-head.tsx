/** The names of a table's columns; the roles stay where narrow pages show a row as a list. */
export function TableHead({ columns }: { columns: readonly string[] }) {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {columns.map((label) => (
          <th role="columnheader" scope="col" key={label}>
            {label}
          </th>
        ))}
      </tr>
    </thead>
  )
}
