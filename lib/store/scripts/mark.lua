-- Writes what the holder of the lease is about to do, and renews the lease.
--
-- Keys     stack, lease, intent, receipt (of this token: it has committed)
-- ARGV[1]  token
-- ARGV[2]  length of the lease from now on, ms
-- ARGV[3]  intent, JSON
--
-- Writes   lease, kept for its length and 1 h
--          intent, kept until a commit clears it
-- Replies  {"marked"}
--          {"lost"}    another token has the lease, or has had it; nothing is written
-- Twice    the same.

local token, lease_ms, intent = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local LATE_MS = 3600000

local is_whole = cjson.decode(intent).kind == "reform"
if redis.call("EXISTS", keys.receipt) == 1 or not is_holder(keys, token, is_whole) then
  return { "lost" }
end
redis.call("HSET", keys.lease, "token", token, "until", whole(now_ms() + lease_ms))
redis.call("PEXPIRE", keys.lease, whole(lease_ms + LATE_MS))
redis.call("SET", keys.intent, intent)
return { "marked" }
