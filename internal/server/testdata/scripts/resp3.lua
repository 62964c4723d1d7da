--- true and false
redis.setresp(3)
return {true, false}
--- true
redis.setresp(3)
return true
--- false
redis.setresp(3)
return false
--- nil
redis.setresp(3)
return nil
--- back to RESP2
redis.setresp(3)
redis.setresp(2)
return {true, false, redis.call('get', 'k') == false}
--- every run starts with RESP2
return {true, false, redis.call('get', 'k') == false}
--- nothing is nil
redis.setresp(3)
return {redis.call('get', 'k') == nil, redis.call('hget', 'k', 'f') == nil, redis.call('lpop', 'k') == nil,
  redis.call('zscore', 'k', 'm') == nil, redis.call('zrank', 'k', 'm') == nil}
--- nothing ends an array
redis.setresp(3)
redis.call('set', 'k', 'v')
local t = redis.call('mget', 'k', '{k}no', 'k')
return {t[1], t[2] == nil, t[3], t}
--- a map
redis.setresp(3)
redis.call('hset', 'k', 'f', 'v')
local r = redis.call('hgetall', 'k')
return {type(r), type(r.map), r.map.f, r}
--- an empty map
redis.setresp(3)
return redis.call('hgetall', 'k')
--- a map of several (pairs)
redis.setresp(3)
redis.call('hset', 'k', 'a', '1', 'b', '2', 'c', '3')
return redis.call('hgetall', 'k')
--- a map has only the field map
redis.setresp(3)
local t = {} for k in pairs(redis.call('hgetall', 'k')) do t[#t + 1] = k end return t
--- a set
redis.setresp(3)
redis.call('sadd', 'k', 'm')
local r = redis.call('smembers', 'k')
return {type(r.set), r.set.m, r}
--- a set of several (unordered)
redis.setresp(3)
redis.call('sadd', 'k', 'a', 'b', 'c', '1')
return redis.call('smembers', 'k')
--- an empty set
redis.setresp(3)
return redis.call('smembers', 'k')
--- sets of other commands
redis.setresp(3)
redis.call('sadd', 'k', 'a')
return {redis.call('sinter', 'k', 'k'), redis.call('sunion', 'k', '{k}2'), redis.call('sdiff', 'k', '{k}2')}
--- a double
redis.setresp(3)
redis.call('zadd', 'k', 1.5, 'm')
local r = redis.call('zscore', 'k', 'm')
return {type(r), r.double == 1.5, r}
--- a double has only the field double
redis.setresp(3)
redis.call('zadd', 'k', 1.5, 'm')
local t = {} for k in pairs(redis.call('zscore', 'k', 'm')) do t[#t + 1] = k end return t
--- doubles that are not finite
redis.setresp(3)
redis.call('zadd', 'k', '+inf', 'high', '-inf', 'low', 0.1, 'm')
return {redis.call('zscore', 'k', 'high'), redis.call('zscore', 'k', 'low'), redis.call('zscore', 'k', 'm'),
  redis.call('zscore', 'k', 'high').double == 1/0}
--- members with scores
redis.setresp(3)
redis.call('zadd', 'k', 1, 'a', 2.5, 'b')
local r = redis.call('zrange', 'k', 0, -1, 'withscores')
return {#r, r[1][1], r[2][2].double, r}
--- scores, one of them missing
redis.setresp(3)
redis.call('zadd', 'k', 1, 'a', 2, 'b')
local r = redis.call('zmscore', 'k', 'a', 'nosuch', 'b')
return {r[1].double, r[2] == nil, r[3].double}
--- incr of a score
redis.setresp(3)
return redis.call('zadd', 'k', 'incr', 5, 'a')
--- a popped member
redis.setresp(3)
redis.call('zadd', 'k', 1, 'a', 2, 'b', 3, 'c')
return {redis.call('zpopmin', 'k'), redis.call('zpopmax', 'k', 2)}
--- integers and strings are as before
redis.setresp(3)
redis.call('rpush', 'k', 'a', 'b')
return {redis.call('llen', 'k'), redis.call('lrange', 'k', 0, -1), redis.call('set', '{k}2', 'v'), redis.call('type', 'k')}
--- errors are as before
redis.setresp(3)
return redis.call('get')
--- errors are tables as before
redis.setresp(3)
local e = redis.pcall('get')
return {e.err, e.ignore_error_stats_update, e}
--- incrbyfloat is a string
redis.setresp(3)
return {type(redis.call('incrbyfloat', 'k', 1.5)), type(redis.call('hincrbyfloat', '{k}h', 'f', 1.5))}
--- a random field with its value
redis.setresp(3)
redis.call('hset', 'k', 'a', '1')
return {redis.call('hrandfield', 'k'), redis.call('hrandfield', 'k', 2, 'withvalues'), redis.call('srandmember', '{k}no')}
--- a map in a table of its own
redis.setresp(3)
return {{map = {a = true}}, {set = {b = 1}}, {double = 2.5}, {map = {}}}
--- the protocol is that of the reply, too
redis.setresp(3)
redis.call('hset', 'k', 'f', 'v')
local r = redis.call('hgetall', 'k')
redis.setresp(2)
return {r, redis.call('hgetall', 'k'), true}
--- setresp in a function that is caught
pcall(function() redis.setresp(3) error('x') end)
return {true, redis.call('get', 'k') == nil}
--- RESP2 has arrays
redis.call('hset', 'k', 'f', 'v')
redis.call('zadd', '{k}z', 1.5, 'm')
redis.call('sadd', '{k}s', 'm')
return {redis.call('hgetall', 'k'), redis.call('zscore', '{k}z', 'm'), redis.call('zrange', '{k}z', 0, -1, 'withscores'),
  redis.call('smembers', '{k}s'), type(redis.call('zscore', '{k}z', 'm'))}
--- a command's map as JSON
redis.setresp(3)
redis.call('hset', 'k', 'f', 'v')
return cjson.encode(redis.call('hgetall', 'k'))
