-- Writes what a step has changed, all at once, and gives the lease back.
--
-- Keys     stack, lease, intent, generation, quiet, newest, hung, waitedFor, deaths, log, receipt (of this token), peers
-- ARGV[1]  network
-- ARGV[2]  token
-- ARGV[3]  change, a JSON object; what is absent stays as it is. In this order:
--             stack       the whole stack: array of contacts, each as a JSON string
--             drop        off the stack: array of [uid, incarnation]
--             push        on top, in the place of every older life of that uid: [uid, contact as a JSON string]
--             generation  number
--             newest      string
--             quietMs     ms; a quiet time is never shortened
--             deaths      boolean
--             hung        array of incarnations; those known keep their time, all others are forgotten
--             waitedFor   array of addresses; likewise
--             keepIntent  true: the intent stays
--             log         entry as a JSON string
--
-- Writes   all of these until the next change, but
--          quiet, kept for quietMs
--          log, at most 20 entries, kept for 24 h after the last one
--          receipt, kept for 60 s
--          lease, deleted
--          peers: who is on the stack is in this network, and the pod of an intent that stays; nobody else of whom this
--          step, or the one before it, knew
--          generation, quiet, newest, hung, deaths, deleted when stack and intent are empty afterwards
--          waitedFor, kept for 24 h then
-- Replies  {"committed"}
--          {"late"}       another token has the lease, or has had it; nothing is written
-- Twice    the receipt tells that it is done; nothing is written again.

local network, token, change = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local RECEIPT_MS, LOG_MS, LOG_ENTRIES = 60000, 86400000, 20

-- What has happened is recorded, also after the lease ran out.
if redis.call("EXISTS", keys.receipt) == 1 then
  return { "committed" }
end
if not is_holder(keys, token, change.stack ~= nil) then
  return { "late" }
end

local function uid_of_intent()
  local intent = redis.call("GET", keys.intent)
  return intent and cjson.decode(intent).uid or ""
end

local before = uids_on(keys.stack)
before[redis.call("HGET", keys.lease, "uid") or ""] = true
before[uid_of_intent()] = true

if change.stack then
  redis.call("DEL", keys.stack)
  for _, contact in ipairs(change.stack) do
    redis.call("RPUSH", keys.stack, contact)
  end
end
if change.drop and #change.drop > 0 then
  local dropped = {}
  for _, life in ipairs(change.drop) do
    dropped[life[1] .. " " .. life[2]] = true
  end
  take_off(keys.stack, function(contact)
    return dropped[contact.uid .. " " .. contact.incarnation]
  end)
end
if change.push then
  take_off(keys.stack, function(contact)
    return contact.uid == change.push[1]
  end)
  redis.call("LPUSH", keys.stack, change.push[2])
end

if change.generation then
  redis.call("SET", keys.generation, whole(change.generation))
end
if change.newest then
  redis.call("SET", keys.newest, change.newest)
end
if change.quietMs then
  await_quiet(keys.quiet, change.quietMs)
end
if change.deaths then
  redis.call("SET", keys.deaths, "1")
elseif change.deaths == false then
  redis.call("DEL", keys.deaths)
end
if change.hung or change.waitedFor then
  local now = whole(now_ms())
  local hung, waited_for = since_when(keys)
  remember(keys.hung, change.hung, hung, now)
  remember(keys.waitedFor, change.waitedFor, waited_for, now)
end
if change.log then
  redis.call("LPUSH", keys.log, change.log)
  redis.call("LTRIM", keys.log, 0, LOG_ENTRIES - 1)
  redis.call("PEXPIRE", keys.log, LOG_MS)
end

if not change.keepIntent then
  redis.call("DEL", keys.intent)
end
local here = uids_on(keys.stack)
here[uid_of_intent()] = true
keep(keys, network, without(here, { [""] = true }))
free(keys, network, without(before, here))
if redis.call("EXISTS", keys.stack, keys.intent) == 0 then
  forget(keys)
else
  -- leave lets these run out when it empties a stack under a lease.
  for _, key in ipairs(of_members(keys)) do
    redis.call("PERSIST", key)
  end
end
redis.call("DEL", keys.lease)
redis.call("SET", keys.receipt, "committed", "PX", RECEIPT_MS)
return { "committed" }
