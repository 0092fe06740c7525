-- Tells what is known of some networks, without a lease.
--
-- Keys     stack, lease, intent, generation, quiet, newest, hung, waitedFor, deaths, log (of every network, all of one
--          before those of the next)
--
-- Writes   nothing
-- Replies  {"read", {RECORD, LEASED, LOG}, ...}  RECORD as in record.lua; LEASED "1" or "0"; LOG JSON each, newest first
-- Twice    the same.

local now = now_ms()
local reply = { "read" }
for first = 0, #KEYS - 1, KEYS_EACH do
  local keys = keys_of(first)
  local until_ms = redis.call("HGET", keys.lease, "until")
  local leased = until_ms and tonumber(until_ms) > now
  local contacts = redis.call("LRANGE", keys.stack, 0, -1)
  local log = redis.call("LRANGE", keys.log, 0, -1)
  reply[#reply + 1] = { record(keys, contacts, now), leased and "1" or "0", log }
end
return reply
