-- Takes the lease of a network and tells what is known of it.
--
-- Keys     stack, lease, intent, generation, quiet, newest, hung, waitedFor, deaths, receipt (of this token), peers
-- ARGV[1]  network
-- ARGV[2]  token
-- ARGV[3]  length of the lease, ms
-- ARGV[4]  uid of the pod that the step is for; empty: none
-- ARGV[5]  "joins" or "leaves"; empty: none
-- ARGV[6]  incarnation of a pod that joins; empty: whether it is a member is not asked
-- ARGV[7]  its address
--
-- Writes   lease, kept for its length and 1 h: as long may its holder come back late, if nobody took it
--          receipt, deleted: a token that is used again is as new
--          peers: a pod that joins is being brought into this network, for as long as the lease
-- Replies  {"member"}          the pod that joins is on the stack; no lease
--          {"elsewhere", NETWORK}  it is in that one, or is being brought in there; no lease
--          {"busy", ms}        another token has the lease, for so long
--          {"leased", RECORD}  this token has it; RECORD as in record.lua
-- Twice    the same token is leased again, from now on.

local network, token, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local uid, joins = ARGV[4], ARGV[5] == "joins"
local incarnation, address = ARGV[6], ARGV[7]
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
if joins and not in_doubt and on_stack(contacts) then
  return { "member" }
end
local place, place_until = place_of(keys, joins and uid or "")
if place and place ~= network and (place_until == 0 or place_until > now) then
  return { "elsewhere", place }
end
if taken then
  return { "busy", whole(remaining) }
end

redis.call("HSET", keys.lease, "token", token, "until", whole(now + lease_ms), "uid", uid)
redis.call("PEXPIRE", keys.lease, whole(lease_ms + LATE_MS))
redis.call("DEL", keys.receipt)
if joins and not (place == network and (place_until == 0 or place_until > now + lease_ms)) then
  redis.call("HSET", keys.peers, uid, whole(now + lease_ms) .. " " .. network)
end
return { "leased", record(keys, contacts, now) }
