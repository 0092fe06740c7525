-- Part: who does not answer, and since when.
-- since_when(keys) -> hung, waited_for: each a table of names and ms since 1970. Version 0.1.0 kept both in one hash, with
--                     a "@" before each address
-- remember(key, names, since, now)  writes these names and no others; names nil: all of since

local function since_when(keys)
  local hung, waited_for = {}, {}
  local old = redis.call("HGETALL", keys.hung)
  for i = 1, #old, 2 do
    if string.sub(old[i], 1, 1) == "@" then
      waited_for[string.sub(old[i], 2)] = old[i + 1]
    else
      hung[old[i]] = old[i + 1]
    end
  end
  local known = redis.call("HGETALL", keys.waitedFor)
  for i = 1, #known, 2 do
    waited_for[known[i]] = known[i + 1]
  end
  return hung, waited_for
end

local function remember(key, names, since, now)
  local known = names and {} or since
  for _, name in ipairs(names or {}) do
    known[name] = since[name] or now
  end
  redis.call("DEL", key)
  for name, ms in pairs(known) do
    redis.call("HSET", key, name, ms)
  end
end
