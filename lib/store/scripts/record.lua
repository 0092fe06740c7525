-- Part: what is known of one network.
-- record(keys, contacts, now) -> {
--   contacts,              JSON each, newest first
--   intent,                JSON; empty: none
--   generation,            decimal
--   quiet,                 ms that are left
--   {newest} or {},        digest
--   {incarnation, ms, ..}, members that hang, and for how long
--   deaths }               "1" or "0"

local function record(keys, contacts, now)
  local newest = redis.call("GET", keys.newest)
  local hung = redis.call("HGETALL", keys.hung)
  for i = 2, #hung, 2 do
    hung[i] = whole(math.max(0, now - tonumber(hung[i])))
  end
  return {
    contacts,
    redis.call("GET", keys.intent) or "",
    redis.call("GET", keys.generation) or "0",
    whole(math.max(0, redis.call("PTTL", keys.quiet))),
    newest and { newest } or {},
    hung,
    redis.call("EXISTS", keys.deaths) == 1 and "1" or "0",
  }
end
