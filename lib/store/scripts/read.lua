-- Tells what is known of a network, without a lease.
--
-- KEYS[1]  stack       list of JSON contacts, newest first
-- KEYS[2]  lease       hash: token, until (ms since 1970)
-- KEYS[3]  intent      JSON
-- KEYS[4]  generation  decimal
-- KEYS[5]  quiet       there while a death must be waited out
-- KEYS[6]  newest      digest
-- KEYS[7]  hung        hash: incarnation -> first seen hanging, ms since 1970
-- KEYS[8]  deaths      there when a member died
-- KEYS[9]  log         list of JSON entries, newest first
--
-- Writes   nothing
-- Replies  {"read", RECORD, LEASED, LOG}  RECORD as in record.lua; LEASED "1" or "0"; LOG JSON each, newest first
-- Twice    the same.

local keys = {
  stack = KEYS[1],
  lease = KEYS[2],
  intent = KEYS[3],
  generation = KEYS[4],
  quiet = KEYS[5],
  newest = KEYS[6],
  hung = KEYS[7],
  deaths = KEYS[8],
  log = KEYS[9],
}

local now = now_ms()
local until_ms = redis.call("HGET", keys.lease, "until")
local leased = until_ms and tonumber(until_ms) > now
local contacts = redis.call("LRANGE", keys.stack, 0, -1)
return { "read", record(keys, contacts, now), leased and "1" or "0", redis.call("LRANGE", keys.log, 0, -1) }
