-- Part: who may write what a step has done.
-- is_holder(keys, token, is_whole)  a lease that ran out and that nobody took is still its holder's. And where the store
--                                   has lost everything, nobody else has had the network since: then a step goes on that
--                                   ends in a whole stack (is_whole), for one contact alone would hide the others

local function is_holder(keys, token, is_whole)
  local holder = redis.call("HGET", keys.lease, "token")
  if holder then
    return holder == token
  end
  return is_whole and redis.call("EXISTS", keys.lease, keys.stack, keys.intent) == 0
end
