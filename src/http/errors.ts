import { defineErrors, type ErrorTable } from '../core/index.js'

export const httpErrors = {
  HF_HTTP_UNAUTHORIZED: {
    summary: 'The dashboard, its API or /metrics was asked for without a valid token.',
    when: 'Neither `Authorization: Bearer` nor the login cookie holds the configured token, or the login was given a wrong one.',
    fix: 'Send `Authorization: Bearer <token>` with the value of HOLDFAST_TOKEN, or log in on the dashboard page.',
    status: 401,
  },
  HF_HTTP_NO_TOKEN: {
    summary: 'No token is configured, so nobody may see the dashboard from here.',
    when: 'Without a token only `holdfast dev` answers, and only to a browser on the same machine that reaches it directly.',
    fix: 'Set the environment variable HOLDFAST_TOKEN or pass `token` to createHttp(db, { token }).',
    status: 403,
  },
  HF_HTTP_ORIGIN: {
    summary: 'A request that changes something did not come from the dashboard page itself.',
    when: 'Its Origin is missing or another one, or the header `x-holdfast-action: 1` is missing: a page of someone else could have sent it.',
    fix: 'Send it from the dashboard; behind a proxy pass on `Host` unchanged and set `X-Forwarded-Proto`.',
    status: 403,
  },
  HF_HTTP_HOST: {
    summary: 'The Host header is missing, repeated or malformed.',
    when: 'A client or proxy sent something that is not one host name with an optional port.',
    fix: 'Send exactly one `Host: name[:port]` header.',
    status: 400,
  },
  HF_HTTP_NOT_FOUND: {
    summary: 'Nothing is served at this path.',
    when: 'The path is not one of the dashboard, or the handler is mounted where `basePath` is not part of the path.',
    fix: 'Open the dashboard at `basePath` (default /_holdfast/) and mount the handler so that the full path reaches it.',
    status: 404,
  },
  HF_HTTP_METHOD: {
    summary: 'The path exists but does not take this method.',
    when: 'A read was sent with POST or a change with GET.',
    fix: 'Use a method that the Allow header of the answer lists.',
    status: 405,
  },
  HF_HTTP_PARAMETER: {
    summary: 'A parameter of the address is missing or malformed.',
    when: 'The API of a page was given something that is no id, no name, no key, no state, no window or no JSON, or an action that wants a reason was given none. Nothing was changed.',
    fix: 'Send what the message names; `docs/http.md` lists the parameters.',
    status: 400,
  },
  HF_HTTP_NO_JOBS: {
    summary: 'The API of the page Jobs was asked, and this handler knows no jobs.',
    when: 'createHttp() was called without `jobs`.',
    fix: 'Pass what createJobs() gave you: createHttp(db, { jobs }).',
    status: 404,
  },
  HF_HTTP_NO_SAGAS: {
    summary: 'The API of the page Sagas was asked, and there are no sagas to be read.',
    when: 'The tables of sagas are not in this database, or createHttp() was given something that it cannot ask.',
    fix: 'Run `holdfast migrate` as the owner, and pass what connect() gave you: createHttp(db).',
    status: 404,
  },
  HF_HTTP_NO_ADVICE: {
    summary: 'An index was asked for, and this handler cannot look for one.',
    when: 'The button "Look for an index" of the page Queries, or its API, was used in a process that has no adviser.',
    fix: 'Read the two plans on the page Queries, and try an index by hand: `explain` with it and without it.',
    status: 501,
  },
  HF_HTTP_CLASH_UNKNOWN: {
    summary: 'No pair of requests has that id.',
    when: 'The page Clash or its API was asked for a pair that nobody has seen, or that has been forgotten: what was not seen for 35 days is.',
    fix: 'Open the page Clash, or run `holdfast clash`, for those that there are.',
    status: 404,
  },
  HF_HTTP_JOB_NOT_FOUND: {
    summary: 'There is no job of this id for this caller.',
    when: 'An address of createJobEndpoints() was asked for a job that was never sent, has ended and is not kept, is of a kind that is not in `only`, or that `allows` refuses.',
    fix: 'Take the address from the `Location` of the 202 answer; give the definition a `keepMs` so that a job is known after its end.',
    status: 404,
  },
  HF_HTTP_JOB_ENDED: {
    summary: 'A job that is to be cancelled has ended.',
    when: 'DELETE was sent to a job that has succeeded or is dead. Nothing was changed.',
    fix: 'Nothing: GET the same address tells how it ended.',
    status: 409,
  },
  HF_HTTP_TOO_MANY_STREAMS: {
    summary: 'As many live streams are open as this process allows.',
    when: 'Many dashboard tabs are open at once; each visible tab holds one stream.',
    fix: 'Close tabs that nobody looks at, or read /api/now instead.',
    retryable: true,
    status: 503,
  },
  HF_HTTP_CLOSED: {
    summary: 'The handler was closed.',
    when: 'A request arrived after close(), usually while the process shuts down.',
    fix: 'Ask an instance that is running.',
    retryable: true,
    status: 503,
  },
  HF_HTTP_DASHBOARD_MISSING: {
    summary: "The dashboard's built files were not found.",
    when: 'holdfast runs from sources that were never built, or a bundler left dist/dashboard behind.',
    fix: 'Run `npm run build`, or pass `dashboardDir` to createHttp with the folder that holds index.html and app.js.',
    status: 503,
  },
  HF_HTTP_BODY_TOO_LARGE: {
    summary: 'The request body is larger than allowed.',
    when: 'Content-Length, or the bytes received so far, exceed `maxBytes`; the rest is not read.',
    fix: 'Send a smaller body, or raise `maxBytes` for this route.',
    status: 413,
  },
  HF_HTTP_BODY_MALFORMED: {
    summary: 'The request body is empty, not UTF-8 or not valid JSON.',
    when: 'The body could not be parsed, or another body parser had consumed it before.',
    fix: 'Send one complete JSON document in UTF-8.',
    status: 400,
  },
  HF_HTTP_BODY_TYPE: {
    summary: 'The request body is of a type that this route does not read.',
    when: 'Content-Type is missing or another one, the charset is not UTF-8, or the body is compressed.',
    fix: 'Send `Content-Type: application/json` without Content-Encoding.',
    status: 415,
  },
  HF_HTTP_BODY_SLOW: {
    summary: 'The request body did not arrive in time.',
    when: 'The client is stalled or trickles bytes to hold the connection.',
    fix: 'Send the body at once, or raise `deadlineMs` for this route.',
    retryable: false,
    status: 408,
  },
  HF_HTTP_INTERNAL: {
    summary: 'The request failed for a reason that is not the caller’s.',
    when: 'An error without a holdfast code was thrown; its text stays in the log because it may hold data.',
    fix: "Look for the request id in this process's log.",
    status: 500,
  },
} satisfies ErrorTable

export const httpError = defineErrors(httpErrors)
