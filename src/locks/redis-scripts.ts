// The queues of the locks in Redis, as migrations/0011 has them in tables. A script is one step for everybody, so no key
// needs a mutex, and requests of several keys are granted by whoever releases. All keys of one server begin with a prefix;
// they are made in the scripts, which a cluster does not allow.
//
//   ticket        the last one that was drawn
//   q:<key>       sorted set: tickets that hold or wait, by themselves
//   t:<ticket>    hash: o(wner), k(eys), s(hared), ttl, f(light), a(sked at), h(eld at), w(ithin), l(abel)
//   w:<ticket>    set: tickets that were asked for in its scope
//   o:<owner>     hash: n(ame), seen
//   ot:<owner>    set: its tickets
//   owners        sorted set: all of them, by when they were seen

const LIBRARY = `
local P = ARGV[1]
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local NOW = now()

local function load(ticket)
  local f = redis.call('HMGET', P .. 't:' .. ticket, 'o', 'k', 's', 'ttl', 'a', 'h', 'w', 'l', 'f')
  if not f[1] then return nil end
  return { ticket = ticket, owner = f[1], keys = cjson.decode(f[2]), shared = f[3] == '1', ttl = tonumber(f[4]),
           asked = tonumber(f[5]), held = tonumber(f[6] or nil), within = f[7] or nil, label = f[8] or nil, flight = tonumber(f[9]) }
end

local function endOfLease(t)
  local seen = redis.call('HGET', P .. 'o:' .. t.owner, 'seen')
  if not seen then return 0 end
  return math.max(tonumber(seen), t.asked, t.held or 0) + t.ttl
end

local function isLive(t) return endOfLease(t) > NOW end

-- Keys whose queues somebody has left.
local dirty = {}

local function drop(t)
  for _, key in ipairs(t.keys) do
    redis.call('ZREM', P .. 'q:' .. key, t.ticket)
    dirty[#dirty + 1] = key
  end
  redis.call('DEL', P .. 't:' .. t.ticket, P .. 'w:' .. t.ticket)
  redis.call('SREM', P .. 'ot:' .. t.owner, t.ticket)
  if t.within then redis.call('SREM', P .. 'w:' .. t.within, t.ticket) end
end

-- Whether nothing earlier is in its way on any key. A dead one that is in the way is taken out.
local function isNext(t)
  for _, key in ipairs(t.keys) do
    local at = 0
    while true do
      local other = redis.call('ZRANGE', P .. 'q:' .. key, at, at)[1]
      if not other or other == t.ticket then break end
      local o = load(other)
      if not o then
        redis.call('ZREM', P .. 'q:' .. key, other)
      elseif o.shared and t.shared then
        at = at + 1
      elseif isLive(o) then
        return false
      else
        drop(o)
      end
    end
  end
  return true
end

local function grant(t)
  if t.held then return true end
  if not isNext(t) then return false end
  t.held = NOW
  redis.call('HSET', P .. 't:' .. t.ticket, 'h', NOW)
  return true
end

-- After somebody has left: grants what is next, and tells its owner.
local function settle()
  local n = 1
  while dirty[n] do
    local key, at = dirty[n], 0
    while true do
      local ticket = redis.call('ZRANGE', P .. 'q:' .. key, at, at)[1]
      if not ticket then break end
      local t = load(ticket)
      if not t then
        redis.call('ZREM', P .. 'q:' .. key, ticket)
      elseif not isLive(t) then
        drop(t)
      elseif t.held then
        if not t.shared then break end
        at = at + 1
      elseif grant(t) then
        redis.call('PUBLISH', P .. 'n:' .. t.owner, cjson.encode({ ticket = t.ticket, keys = t.keys, shared = t.shared }))
        if not t.shared then break end
        at = at + 1
      else
        break
      end
    end
    n = n + 1
  end
end

local function demandOwner(owner)
  if redis.call('EXISTS', P .. 'o:' .. owner) == 0 then return redis.error_reply('HF021 the owner is not known') end
end
`

/** @param ARGV owner, name */
export const JOIN = `${LIBRARY}
redis.call('HSET', P .. 'o:' .. ARGV[2], 'n', ARGV[3], 'seen', NOW)
redis.call('ZADD', P .. 'owners', NOW, ARGV[2])
return 1`

/**
 * @param ARGV owner, records as JSON, flight
 * @returns for each its ticket or nothing, and whether it holds
 */
export const REQUEST = `${LIBRARY}
local unknown = demandOwner(ARGV[2])
if unknown then return unknown end
local answers = {}
for n, want in ipairs(cjson.decode(ARGV[3])) do
  -- Where Redis has lost its data, tickets must not begin again: somebody may still have one of the old ones.
  if redis.call('EXISTS', P .. 'ticket') == 0 then redis.call('SET', P .. 'ticket', NOW .. '000') end
  local ticket = string.format('%.0f', redis.call('INCR', P .. 'ticket'))
  local t = { ticket = ticket, owner = ARGV[2], keys = want.keys, shared = want.shared, ttl = want.ttl, asked = NOW }
  redis.call('HSET', P .. 't:' .. ticket, 'o', ARGV[2], 'k', cjson.encode(want.keys), 's', want.shared and '1' or '0',
    'ttl', string.format('%.0f', want.ttl), 'a', NOW, 'f', ARGV[4])
  if want.label ~= cjson.null then redis.call('HSET', P .. 't:' .. ticket, 'l', want.label) end
  if want.within ~= cjson.null then
    t.within = want.within
    redis.call('HSET', P .. 't:' .. ticket, 'w', want.within)
    redis.call('SADD', P .. 'w:' .. want.within, ticket)
  end
  for _, key in ipairs(want.keys) do redis.call('ZADD', P .. 'q:' .. key, ticket, ticket) end
  redis.call('SADD', P .. 'ot:' .. ARGV[2], ticket)
  local holds = grant(t)
  if not holds and not want.wait then
    drop(t)
    ticket = ''
  end
  answers[n] = { ticket, holds and 1 or 0 }
end
settle()
return answers`

/** @param ARGV owner, tickets as JSON */
export const RELEASE = `${LIBRARY}
for _, ticket in ipairs(cjson.decode(ARGV[3])) do
  local t = load(ticket)
  if t and t.owner == ARGV[2] then drop(t) end
end
settle()
return 1`

/**
 * @param ARGV owner, what it holds as JSON, what it knows of as JSON, flight
 * @returns what it holds no more
 */
export const BEAT = `${LIBRARY}
local unknown = demandOwner(ARGV[2])
if unknown then return unknown end
redis.call('HSET', P .. 'o:' .. ARGV[2], 'seen', NOW)
redis.call('ZADD', P .. 'owners', NOW, ARGV[2])
local gone = {}
for _, ticket in ipairs(cjson.decode(ARGV[3])) do
  local t = load(ticket)
  if not t or t.owner ~= ARGV[2] then gone[#gone + 1] = ticket end
end
local known = {}
for _, ticket in ipairs(cjson.decode(ARGV[4])) do known[ticket] = true end
for _, ticket in ipairs(redis.call('SMEMBERS', P .. 'ot:' .. ARGV[2])) do
  local t = not known[ticket] and load(ticket)
  if t and t.flight <= tonumber(ARGV[5]) then drop(t) end
end
settle()
return gone`

/**
 * @param ARGV owner, waiting tickets as JSON
 * @returns for each that is gone or holds: ticket, 'gone' or what a hint says
 */
export const LOOK = `${LIBRARY}
local answers = {}
for _, ticket in ipairs(cjson.decode(ARGV[3])) do
  local t = load(ticket)
  if not t or t.owner ~= ARGV[2] then
    answers[#answers + 1] = { ticket, 'gone' }
  elseif grant(t) then
    answers[#answers + 1] = { ticket, cjson.encode({ ticket = ticket, keys = t.keys, shared = t.shared }) }
  end
end
settle()
return answers`

/**
 * As locks_find_circle: breadth first, from who waits to those who wait in the scopes of what is in its way.
 * @param ARGV ticket
 * @returns the tickets of a circle with it, or nothing
 */
export const FIND_CIRCLE = `${LIBRARY}
local nodes, parents, seen = { ARGV[2] }, { 0 }, {}
local function listNext(t)
  local found, visited = {}, {}
  local function addInside(ticket)
    for _, inner in ipairs(redis.call('SMEMBERS', P .. 'w:' .. ticket)) do
      local i = not visited[inner] and load(inner)
      visited[inner] = true
      if i and i.held then addInside(inner) elseif i then found[#found + 1] = inner end
    end
  end
  for _, key in ipairs(t.keys) do
    local ahead, bound = {}, 0
    for _, ticket in ipairs(redis.call('ZRANGE', P .. 'q:' .. key, 0, 999)) do
      if ticket == t.ticket then break end
      local a = load(ticket)
      if a then
        ahead[#ahead + 1] = a
        if not t.shared or not a.shared then bound = #ahead end
      end
    end
    for n = 1, bound do
      if ahead[n].held then addInside(ahead[n].ticket)
      elseif #ahead[n].keys > 1 then found[#found + 1] = ahead[n].ticket end
    end
  end
  return found
end
local at = 1
while nodes[at] and at <= 1000 do
  local t = load(nodes[at])
  if t and not t.held then
    for _, ticket in ipairs(listNext(t)) do
      if ticket == ARGV[2] then
        local path = {}
        while at > 0 do
          table.insert(path, 1, nodes[at])
          at = parents[at]
        end
        return path
      end
      if not seen[ticket] then
        seen[ticket] = true
        nodes[#nodes + 1] = ticket
        parents[#parents + 1] = at
      end
    end
  end
  at = at + 1
end
return {}`

/**
 * @param ARGV key or nothing, most
 * @returns rows: key, ticket, owner's name, shared, label, asked, held (0: waits), end of its lease
 */
export const LIST = `${LIBRARY}
local rows = {}
local function addQueue(key)
  for _, ticket in ipairs(redis.call('ZRANGE', P .. 'q:' .. key, 0, tonumber(ARGV[3]) - #rows - 1)) do
    local t = load(ticket)
    if t and #rows < tonumber(ARGV[3]) then
      rows[#rows + 1] = { key, ticket, redis.call('HGET', P .. 'o:' .. t.owner, 'n') or '', t.shared and 1 or 0, t.label or '',
                          t.asked, t.held or 0, endOfLease(t) }
    end
  end
end
if ARGV[2] ~= '' then addQueue(ARGV[2]) return rows end
local keys, isListed = {}, {}
for _, owner in ipairs(redis.call('ZRANGE', P .. 'owners', 0, -1)) do
  for _, ticket in ipairs(redis.call('SMEMBERS', P .. 'ot:' .. owner)) do
    local t = load(ticket)
    for _, key in ipairs(t and t.keys or {}) do
      if not isListed[key] and #keys < tonumber(ARGV[3]) then
        isListed[key] = true
        keys[#keys + 1] = key
      end
    end
  end
end
table.sort(keys)
for _, key in ipairs(keys) do if #rows < tonumber(ARGV[3]) then addQueue(key) end end
return rows`

/** @param ARGV owner */
export const LEAVE = `${LIBRARY}
if redis.call('SCARD', P .. 'ot:' .. ARGV[2]) > 0 then return 0 end
redis.call('DEL', P .. 'o:' .. ARGV[2])
redis.call('ZREM', P .. 'owners', ARGV[2])
return 1`

/** @param ARGV most */
export const SWEEP = `${LIBRARY}
for _, owner in ipairs(redis.call('ZRANGE', P .. 'owners', 0, tonumber(ARGV[2]) - 1)) do
  for _, ticket in ipairs(redis.call('SMEMBERS', P .. 'ot:' .. owner)) do
    local t = load(ticket)
    if not t then redis.call('SREM', P .. 'ot:' .. owner, ticket) elseif not isLive(t) then drop(t) end
  end
  local seen = tonumber(redis.call('HGET', P .. 'o:' .. owner, 'seen') or 0)
  if seen < NOW - 3600000 and redis.call('SCARD', P .. 'ot:' .. owner) == 0 then
    redis.call('DEL', P .. 'o:' .. owner)
    redis.call('ZREM', P .. 'owners', owner)
  end
end
settle()
return 1`
