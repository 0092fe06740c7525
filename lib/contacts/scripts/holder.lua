-- Part: who may write what a step has done.
-- is_holder(keys, token)  a lease that ran out and that nobody took is still its holder's; and where the store has lost
--                         everything, nobody else has had the network since

local function is_holder(keys, token)
  local holder = redis.call("HGET", keys.lease, "token")
  if holder then
    return holder == token
  end
  return redis.call("EXISTS", keys.lease, keys.stack, keys.intent) == 0
end
