-- What wrk sends, by the environment: GETs with BENCH_TOKEN, log-ins of BENCH_USERS demo users with
-- BENCH_PASSWORD, or refreshes, in which each thread goes on with the token that it was given last.
local threads = {}
local json = { ["Content-Type"] = "application/json" }
local users, password = os.getenv("BENCH_USERS"), os.getenv("BENCH_PASSWORD")

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

function init()
  math.randomseed(os.time() + number * 7919)
  local at = 0
  for token in string.gmatch(os.getenv("BENCH_REFRESH") or "", "%S+") do
    at = at + 1
    if at == number then refresh = token end
  end
end

if os.getenv("BENCH_TOKEN") then
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
elseif users then
  function request()
    local body = string.format('{"email": "user%d@demo.example", "password": "%s"}', math.random(tonumber(users)), password)
    return wrk.format("POST", nil, json, body)
  end
else
  function request()
    return wrk.format("POST", nil, json, string.format('{"refresh": "%s"}', refresh))
  end

  function response(status, headers, body)
    refresh = string.match(body, '"refresh": *"([^"]+)"') or refresh
  end
end

function done(summary, latency)
  local e = summary.errors
  print(string.format('\nJSON{"requests": %d, "us": %d, "p50": %d, "p95": %d, "p99": %d, "bad": %d}', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
