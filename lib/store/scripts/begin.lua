-- Takes the lease of a network and tells what is known of it.
--
-- Keys     stack, lease, intent, generation, quiet, newest, hung, waitedFor, deaths, receipt (of this token)
-- ARGV[1]  token
-- ARGV[2]  length of the lease, ms
-- ARGV[3]  uid of the joiner; empty: none
-- ARGV[4]  incarnation of the joiner; empty: none
-- ARGV[5]  address of the joiner; empty: none
--
-- Writes   lease, kept for its length and 1 h: as long may its holder come back late, if nobody took it
--          receipt, deleted: a token that is used again is as new
-- Replies  {"member"}          the joiner is on the stack; no lease
--          {"busy", ms}        another token has the lease, for so long
--          {"leased", RECORD}  this token has it; RECORD as in record.lua
-- Twice    the same token is leased again, from now on.

local token, lease_ms = ARGV[1], tonumber(ARGV[2])
local uid, incarnation, address = ARGV[3], ARGV[4], ARGV[5]
local LATE_MS = 3600000

local function on_stack(contacts)
  for _, entry in ipairs(contacts) do
    local contact = cjson.decode(entry)
    if contact.uid == uid and contact.incarnation == incarnation and contact.address == address then
      return true
    end
  end
  return false
end

local now = now_ms()
local lease = redis.call("HMGET", keys.lease, "token", "until")
local remaining = lease[1] and tonumber(lease[2]) - now or 0
local taken = remaining > 0 and lease[1] ~= token
local contacts = redis.call("LRANGE", keys.stack, 0, -1)

-- An intent that nobody is working on was left over: then who is a member is in doubt.
local in_doubt = not taken and redis.call("EXISTS", keys.intent) == 1
if uid ~= "" and not in_doubt and on_stack(contacts) then
  return { "member" }
end
if taken then
  return { "busy", whole(remaining) }
end

redis.call("HSET", keys.lease, "token", token, "until", whole(now + lease_ms))
redis.call("PEXPIRE", keys.lease, whole(lease_ms + LATE_MS))
redis.call("DEL", keys.receipt)
return { "leased", record(keys, contacts, now) }
