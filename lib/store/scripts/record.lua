-- Part: what is known of one network.
-- record(keys, contacts, now) -> {
--   contacts,              JSON each, newest first
--   intent,                JSON; empty: none
--   generation,            decimal
--   quiet,                 ms that are left
--   {newest} or {},        digest
--   {incarnation, ms, ..}, members that hang, and for how long
--   {address, ms, ..},     who the network has gone on without while it hung, and for how long
--   deaths }               "1" or "0"

local function ages(since, now)
  local flat = {}
  for name, ms in pairs(since) do
    flat[#flat + 1] = name
    flat[#flat + 1] = whole(math.max(0, now - tonumber(ms)))
  end
  return flat
end

local function record(keys, contacts, now)
  local newest = redis.call("GET", keys.newest)
  local hung, waited_for = since_when(keys)
  return {
    contacts,
    redis.call("GET", keys.intent) or "",
    redis.call("GET", keys.generation) or "0",
    whole(math.max(0, redis.call("PTTL", keys.quiet))),
    newest and { newest } or {},
    ages(hung, now),
    ages(waited_for, now),
    redis.call("EXISTS", keys.deaths) == 1 and "1" or "0",
  }
end
