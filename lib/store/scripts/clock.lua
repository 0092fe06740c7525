-- Part: Redis's own clock, so that every function instance reckons with the same one.
-- now_ms() -> ms since 1970

local function now_ms()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Lua writes large numbers with an exponent where they are turned into strings by themselves.
local function whole(number)
  return string.format("%.0f", number)
end
