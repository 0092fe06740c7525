-- Writes what the holder of the lease is about to do, and renews the lease.
--
-- Keys     stack, lease, intent, receipt (of this token: it has committed), peers
-- ARGV[1]  network
-- ARGV[2]  token
-- ARGV[3]  length of the lease from now on, ms
-- ARGV[4]  intent, JSON
--
-- Writes   lease, kept for its length and 1 h
--          intent, kept until a commit clears it
--          peers: the pod of the intent may be in this network from now on
-- Replies  {"marked"}
--          {"lost"}    another token has the lease, or has had it; nothing is written
-- Twice    the same.

local network, token, lease_ms, intent = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local LATE_MS = 3600000

local about = cjson.decode(intent)
local is_whole = about.kind == "reform"
if redis.call("EXISTS", keys.receipt) == 1 or not is_holder(keys, token, is_whole) then
  return { "lost" }
end
redis.call("HSET", keys.lease, "token", token, "until", whole(now_ms() + lease_ms))
redis.call("PEXPIRE", keys.lease, whole(lease_ms + LATE_MS))
redis.call("SET", keys.intent, intent)
if about.uid then
  keep(keys, network, { [about.uid] = true })
end
return { "marked" }
