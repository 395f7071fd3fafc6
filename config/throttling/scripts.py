"""The acts on counters in Redis, as `stores.DatabaseStore` does them."""

RESERVE = """
local prefix, now, plans = ARGV[1], tonumber(ARGV[2]), cjson.decode(ARGV[3])
local function read(key)
  local row = redis.call('HMGET', prefix .. key, 'count', 'pending', 'ends')
  local ends = tonumber(row[3] or 0)
  if ends <= now then return {count = 0, pending = 0, ends = 0} end
  return {count = tonumber(row[1]), pending = tonumber(row[2]), ends = ends}
end
local first = 0
for _, plan in ipairs(plans) do
  if plan.needs == '' or read(plan.needs).ends > now then
    local is_full, is_to_wait, ends = false, true, 0
    for _, list in ipairs({plan.limits, plan.checks}) do
      for _, limit in ipairs(list) do
        local row = read(limit.key)
        if row.count >= limit.most then
          is_full = true
          is_to_wait = is_to_wait and row.count - row.pending < limit.most
          ends = math.max(ends, row.ends)
        end
      end
    end
    if not is_full then
      local taken = {}
      for _, limit in ipairs(plan.limits) do
        local row = read(limit.key)
        local till = row.count > 0 and row.ends or now + limit.window
        redis.call('HSET', prefix .. limit.key, 'count', row.count + 1,
          'pending', row.pending + 1, 'ends', string.format('%.0f', till))
        redis.call('PEXPIRE', prefix .. limit.key, string.format('%.0f', till - now))
        taken[limit.key] = till
      end
      return cjson.encode({taken = taken, wait = false, until_ = 0})
    end
    if is_to_wait then return cjson.encode({taken = {}, wait = true, until_ = now}) end
    if first == 0 then first = ends end
  end
end
return cjson.encode({taken = {}, wait = false, until_ = first})
"""

SETTLE = """
local prefix, back, taken = ARGV[1], tonumber(ARGV[2]), cjson.decode(ARGV[3])
for key, ends in pairs(taken) do
  if tonumber(redis.call('HGET', prefix .. key, 'ends') or 0) == ends then
    redis.call('HINCRBY', prefix .. key, 'pending', -1)
    if back == 1 then redis.call('HINCRBY', prefix .. key, 'count', -1) end
  end
end
"""
