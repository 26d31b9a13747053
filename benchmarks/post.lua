-- wrk: post the lines of a file, one after the other, and say what came of it as one line of JSON.
-- wrk ... -s post.lua URL -- FILE CONTENT_TYPE [KEY]

local requests, turn = {}, 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = args[2]
  wrk.headers["X-API-Key"] = args[3]
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, line)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50":%.6f,"p99":%.6f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
