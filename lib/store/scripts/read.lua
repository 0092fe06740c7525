-- Tells what is known of a network, without a lease.
--
-- Keys     stack, lease, intent, generation, quiet, newest, hung, waitedFor, deaths, log
--
-- Writes   nothing
-- Replies  {"read", RECORD, LEASED, LOG}  RECORD as in record.lua; LEASED "1" or "0"; LOG JSON each, newest first
-- Twice    the same.

local now = now_ms()
local until_ms = redis.call("HGET", keys.lease, "until")
local leased = until_ms and tonumber(until_ms) > now
local contacts = redis.call("LRANGE", keys.stack, 0, -1)
return { "read", record(keys, contacts, now), leased and "1" or "0", redis.call("LRANGE", keys.log, 0, -1) }
