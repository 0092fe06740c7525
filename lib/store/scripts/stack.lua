-- Part: what commit and leave do alike.
-- uids_on(key) -> set of the uids of its contacts
-- without(set, other) -> what of it is not in the other one
-- take_off(key, goes)     takes every contact off the stack for which goes(contact) is true; -> how many
-- await_quiet(key, ms)    sets the quiet time, never shortens it: another death may be the later one
-- of_members(keys) -> the keys of what is of use only while there are members; quiet ends by itself
-- forget(keys)            deletes all that, but waitedFor, which is kept for 24 h: a peer that has gone to another network
--                         may still wait for those that hang

local NOBODY_MS = 86400000

local function uids_on(key)
  local uids = {}
  for _, entry in ipairs(redis.call("LRANGE", key, 0, -1)) do
    uids[cjson.decode(entry).uid] = true
  end
  return uids
end

local function without(set, other)
  local left = {}
  for each in pairs(set) do
    if not other[each] then
      left[each] = true
    end
  end
  return left
end

local function take_off(key, goes)
  local taken = 0
  for _, entry in ipairs(redis.call("LRANGE", key, 0, -1)) do
    if goes(cjson.decode(entry)) then
      taken = taken + redis.call("LREM", key, 0, entry)
    end
  end
  return taken
end

local function await_quiet(key, ms)
  if ms > redis.call("PTTL", key) and ms > 0 then
    redis.call("SET", key, "1", "PX", whole(ms))
  end
end

local function of_members(keys)
  return { keys.generation, keys.newest, keys.hung, keys.waitedFor, keys.deaths }
end

local function forget(keys)
  redis.call("DEL", keys.quiet, keys.generation, keys.newest, keys.hung, keys.deaths)
  redis.call("PEXPIRE", keys.waitedFor, NOBODY_MS)
end
