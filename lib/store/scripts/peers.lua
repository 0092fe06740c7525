-- Part: in which network each peer is, as "UNTIL NETWORK" by the uid of its pod. A peer that a step may bring in has the
-- network until then (ms since 1970, as long as the lease); 0: it is in, or a step that died may have brought it in.
-- place_of(keys, uid) -> network, until ms; nil: in none
-- keep(keys, network, uids)  these are in this network; who is in another one stays there
-- free(keys, network, uids)  these are not in this network any more

local function place_of(keys, uid)
  local place = uid ~= "" and redis.call("HGET", keys.peers, uid)
  if not place then
    return nil, nil
  end
  local until_ms, network = string.match(place, "^(%d+) (.*)$")
  return network, tonumber(until_ms)
end

local function keep(keys, network, uids)
  for uid in pairs(uids) do
    local place, until_ms = place_of(keys, uid)
    -- Of most it is known already.
    if not place or (place == network and until_ms ~= 0) then
      redis.call("HSET", keys.peers, uid, "0 " .. network)
    end
  end
end

local function free(keys, network, uids)
  for uid in pairs(uids) do
    if place_of(keys, uid) == network then
      redis.call("HDEL", keys.peers, uid)
    end
  end
end
