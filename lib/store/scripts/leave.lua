-- Takes every life of a pod off the stack, and notes the death. Needs no lease.
--
-- Keys     stack, lease, intent, generation, quiet, newest, hung, waitedFor, deaths, receipt (of this call), peers
-- ARGV[1]  network
-- ARGV[2]  uid
-- ARGV[3]  how long the death must be waited out, ms
--
-- Writes   stack
--          peers: it is not in this network any more
--          quiet for ARGV[3] (never shortened) and deaths, while the network has contacts or an intent: also for a uid that is
--          not on the stack, since a peer that was moved out disturbs the others with its death all the same
--          generation, quiet, newest, hung, deaths, deleted when stack and intent are empty, and waitedFor, kept for
--          24 h then; under a lease all are kept for 1 h instead, for its holder may be about to push
--          receipt, kept for 60 s
-- Replies  {"left"}    a life of it was on the stack
--          {"absent"}  none was
-- Twice    the receipt tells what was answered; nothing is written again.

local network, uid, quiet_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local RECEIPT_MS, LATE_MS = 60000, 3600000

local answered = redis.call("GET", keys.receipt)
if answered then
  return { answered }
end

local function clean_up()
  local until_ms = redis.call("HGET", keys.lease, "until")
  if not until_ms or tonumber(until_ms) <= now_ms() then
    return forget(keys)
  end
  for _, key in ipairs(of_members(keys)) do
    redis.call("PEXPIRE", key, LATE_MS)
  end
end

free(keys, network, { [uid] = true })
local taken = take_off(keys.stack, function(contact)
  return contact.uid == uid
end)
-- Whom an intent is about may have it on its list already.
if redis.call("EXISTS", keys.stack, keys.intent) > 0 then
  await_quiet(keys.quiet, quiet_ms)
  redis.call("SET", keys.deaths, "1")
else
  clean_up()
end

local answer = taken > 0 and "left" or "absent"
redis.call("SET", keys.receipt, answer, "PX", RECEIPT_MS)
return { answer }
