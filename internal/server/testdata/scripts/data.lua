--- strings
local r = {}
local function do_(...) r[#r + 1] = redis.call(...) end
do_('set', 'k', 'v')
do_('get', 'k')
do_('getset', 'k', 'w')
do_('append', 'k', 'xyz')
do_('strlen', 'k')
do_('getrange', 'k', 1, 2)
do_('setrange', 'k', 2, 'AB')
do_('setnx', 'k', 'no')
do_('incr', 'n{k}')
do_('incrby', 'n{k}', 41)
do_('decrby', 'n{k}', 2)
do_('incrbyfloat', 'n{k}', 0.5)
do_('get', 'nosuch{k}')
do_('mget', 'k', 'nosuch{k}', 'n{k}')
do_('getdel', 'n{k}')
return r
--- set with options
local r = {}
for _, words in ipairs({{'NX'}, {'NX'}, {'XX'}, {'XX', 'GET'}, {'EX', 100}, {'KEEPTTL'}, {'PX', 0}, {'NX', 'XX'}}) do
  local v = redis.pcall('set', 'k', 'v', unpack(words))
  r[#r + 1] = type(v) == 'table' and (v.ok or v.err) or v
end
return {r, redis.call('ttl', 'k')}
--- a status is a table
local s = redis.call('set', 'k', 'v')
return {type(s), s.ok, s}
--- a status has only one field
local t = {} for k, v in pairs(redis.call('set', 'k', 'v')) do t[#t + 1] = k t[#t + 1] = v end return t
--- a status can be changed
local s = redis.call('set', 'k', 'v')
s.ok = 'mine'
return {s, redis.call('set', 'k', 'v')}
--- a reply of nothing is false
return {redis.call('get', 'k') == false, type(redis.call('get', 'k')), redis.call('lpop', 'k') == false,
  redis.call('hget', 'k', 'f') == false, redis.call('zscore', 'k', 'm') == false}
--- integers are numbers
return {type(redis.call('incr', 'k')), redis.call('incr', 'k') + 0.5 > 2, redis.call('exists', 'k')}
--- large integers lose digits
redis.call('set', 'k', '9223372036854775807')
return {redis.call('incrby', 'k', 0), redis.call('incrby', 'k', -1) == 2^63, redis.call('decrby', 'k', 9007199254740993)}
--- hashes
local r = {}
local function do_(...) r[#r + 1] = redis.call(...) end
do_('hset', 'k', 'f1', 'v1', 'f2', 2)
do_('hget', 'k', 'f1')
do_('hmget', 'k', 'f1', 'nosuch', 'f2')
do_('hgetall', 'k')
do_('hlen', 'k')
do_('hkeys', 'k')
do_('hvals', 'k')
do_('hincrby', 'k', 'f2', 5)
do_('hincrbyfloat', 'k', 'f3', 1.25)
do_('hexists', 'k', 'f3')
do_('hdel', 'k', 'f1', 'nosuch')
do_('hsetnx', 'k', 'f2', 1)
do_('hstrlen', 'k', 'f3')
do_('hmset', 'k', 'f4', 'x')
return r
--- lists
local r = {}
local function do_(...) r[#r + 1] = redis.call(...) end
do_('rpush', 'k', 'a', 'b', 'c')
do_('lpush', 'k', 0)
do_('lrange', 'k', 0, -1)
do_('lpop', 'k')
do_('rpop', 'k', 2)
do_('llen', 'k')
do_('lindex', 'k', 0)
do_('lindex', 'k', 9)
do_('linsert', 'k', 'before', 'a', 'z')
do_('lset', 'k', 0, 'y')
do_('lrem', 'k', 0, 'a')
do_('lmove', 'k', '{k}2', 'left', 'right')
do_('lpos', '{k}2', 'y')
do_('rpoplpush', '{k}2', 'k')
do_('lmpop', 2, '{k}2', 'k', 'left')
return r
--- sets
local r = {}
local function do_(...) r[#r + 1] = redis.call(...) end
do_('sadd', 'k', 3, 1, 2, 2)
do_('smembers', 'k')
do_('scard', 'k')
do_('sismember', 'k', 2)
do_('smismember', 'k', 2, 9)
do_('sadd', '{k}2', 2, 3, 4)
do_('sinter', 'k', '{k}2')
do_('sdiff', 'k', '{k}2')
do_('sunionstore', '{k}3', 'k', '{k}2')
do_('sintercard', 2, 'k', '{k}2')
do_('smove', 'k', '{k}2', 1)
do_('srem', 'k', 3, 9)
return r
--- sorted sets
local r = {}
local function do_(...) r[#r + 1] = redis.call(...) end
do_('zadd', 'k', 1, 'a', 2.5, 'b', '3', 'c')
do_('zscore', 'k', 'b')
do_('zincrby', 'k', 0.5, 'a')
do_('zrange', 'k', 0, -1)
do_('zrange', 'k', 0, -1, 'withscores')
do_('zrangebyscore', 'k', '(1', '+inf', 'withscores', 'limit', 0, 2)
do_('zrank', 'k', 'b')
do_('zrank', 'k', 'nosuch')
do_('zcard', 'k')
do_('zcount', 'k', 2, 3)
do_('zmscore', 'k', 'a', 'nosuch')
do_('zadd', 'k', 'incr', 1, 'a')
do_('zadd', 'k', 'nx', 'ch', 1, 'a', 4, 'd')
do_('zpopmin', 'k')
do_('zrem', 'k', 'b')
do_('zremrangebyscore', 'k', '-inf', 3)
do_('zadd', 'k', '-inf', 'low', '+inf', 'high')
do_('zscore', 'k', 'low')
return r
--- keys
local r = {}
local function do_(...) r[#r + 1] = redis.call(...) end
do_('set', 'k', 'v')
do_('type', 'k')
do_('type', 'nosuch{k}')
do_('exists', 'k', 'k', 'nosuch{k}')
do_('expire', 'k', 100)
do_('ttl', 'k')
do_('persist', 'k')
do_('pttl', 'k')
do_('rename', 'k', '{k}2')
do_('copy', '{k}2', '{k}3')
do_('touch', '{k}2', 'k')
do_('del', '{k}2', '{k}9')
do_('unlink', '{k}3')
do_('object', 'encoding', 'k')
return r
--- rename of a key that is not there
return redis.call('rename', 'k', '{k}2')
--- an encoding is read
redis.call('set', 'k', 12)
redis.call('hset', '{k}h', 'a', 1)
return {redis.call('object', 'encoding', 'k'), redis.call('object', 'encoding', '{k}h')}
--- scan of parts
redis.call('hset', 'k', 'a', 1, 'b', 2)
redis.call('sadd', '{k}s', 1, 2)
return {redis.call('hscan', 'k', 0), redis.call('sscan', '{k}s', 0), redis.call('hscan', 'k', 0, 'match', 'b*')}
--- sort
redis.call('rpush', 'k', 3, 1, 2)
return {redis.call('sort', 'k'), redis.call('sort', 'k', 'desc', 'limit', 0, 2), redis.call('sort', 'k', 'store', '{k}2')}
--- a key that expires at once
redis.call('set', 'k', 'v')
redis.call('pexpire', 'k', -1)
return redis.call('exists', 'k')
--- the time
local t = redis.call('time')
return {#t, type(t[1]), t[1] + 0 > 1e9, t[2] + 0 < 1e6}
--- blocking commands do not block
return {redis.call('blpop', 'k', 0), redis.call('brpop', 'k', 0), redis.call('blmove', 'k', '{k}2', 'left', 'left', 0),
  redis.call('bzpopmin', 'k', 0), redis.call('blmpop', 0, 1, 'k', 'left')}
--- blocking commands that find something
redis.call('rpush', 'k', 'a', 'b', 'c')
return {redis.call('blpop', 'k', 0), redis.call('brpop', 'k', 0), redis.call('blmove', 'k', '{k}2', 'left', 'left', 0)}
--- ping and echo
return {redis.call('ping'), redis.call('ping', 'x'), redis.call('echo', 'y')}
--- the size of the database
redis.call('set', 'k', 1)
return redis.call('dbsize')
--- dump and restore
redis.call('rpush', 'k', 'a', 'b')
local d = redis.call('dump', 'k')
return {redis.call('restore', '{k}2', 0, d), redis.call('lrange', '{k}2', 0, -1), type(d)}
--- a lock is taken
--> EVAL $script 1 lock me 10000
--> EVAL $script 1 lock you 10000
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 else return 0 end
--- a lock is released
--> SET lock me
--> EVAL $script 1 lock you
--> EVAL $script 1 lock me
--> EVAL $script 1 lock me
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end
--- a token bucket
--> EVAL $script 1 bucket 10 1 1000 3
--> EVAL $script 1 bucket 10 1 1000 3
--> EVAL $script 1 bucket 10 1 1001 5
--> EVAL $script 1 bucket 10 1 1001 5
--> EVAL $script 1 bucket 10 1 1005 1
local capacity, rate, now, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local data = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(data[1]) or capacity, tonumber(data[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local allowed = tokens >= want
if allowed then tokens = tokens - want end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate) * 2)
return {allowed, tokens, tostring(tokens / capacity)}
--- a sliding window
--> EVAL $script 1 window 100 3 10 a
--> EVAL $script 1 window 101 3 10 b
--> EVAL $script 1 window 102 3 10 c
--> EVAL $script 1 window 103 3 10 d
--> EVAL $script 1 window 111 3 10 e
local now, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - window)
local n = redis.call('ZCARD', KEYS[1])
if n < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[4])
  return {1, limit - n - 1}
end
return {0, 0}
--- a queue of due tasks
--> ZADD {q}due 10 a 20 b 30 c
--> EVAL $script 2 {q}due {q}ready 25
--> EVAL $script 2 {q}due {q}ready 25
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 100)
for _, task in ipairs(due) do
  redis.call('LPUSH', KEYS[2], task)
  redis.call('ZREM', KEYS[1], task)
end
return #due
--- compare and set
--> SET k 1
--> EVAL $script 1 k 2 3
--> EVAL $script 1 k 1 3
--> EVAL $script 1 nosuch 1 3
local now = redis.call('get', KEYS[1])
if not now then return redis.error_reply('MISSING no such key') end
if now ~= ARGV[1] then return {err = 'CONFLICT it is ' .. now} end
return redis.call('set', KEYS[1], ARGV[2])
--- a document is merged
--> SET doc "{\"a\":1,\"b\":[1,2]}"
--> EVAL $script 1 doc "{\"b\":[3]}"
local doc = cjson.decode(redis.call('get', KEYS[1]))
for k, v in pairs(cjson.decode(ARGV[1])) do doc[k] = v end
redis.call('set', KEYS[1], doc.a .. '/' .. #doc.b .. '/' .. doc.b[1])
return {doc.a, doc.b}
--- many keys of a slot
for i = 1, 200 do redis.call('set', '{k}' .. i, i) end
local sum = 0
for i = 1, 200 do sum = sum + redis.call('get', '{k}' .. i) end
for i = 4, 200 do redis.call('del', '{k}' .. i) end
return sum
--- keys that are not declared
--> SET k v
return redis.call('get', 'k')
--- a key that is not declared is of the slot
--> EVAL $script 1 {k}a
redis.call('set', '{k}b', 'x')
return redis.call('get', '{k}b')
--- a large hash is read
for i = 1, 3000 do redis.call('hset', 'k', 'field' .. i, 'value' .. i) end
local all = redis.call('hgetall', 'k')
local keys, values = redis.call('hkeys', 'k'), redis.call('hvals', 'k')
redis.call('hdel', 'k', 'field1')
local n = redis.call('hlen', 'k')
redis.call('del', 'k')
return {#all, #keys, #values, n, redis.call('exists', 'k')}
--- large collections are read and changed
for i = 1, 2000 do
  redis.call('rpush', 'k', i)
  redis.call('sadd', '{k}s', 'member' .. i)
  redis.call('zadd', '{k}z', i, 'member' .. i)
end
local r = {#redis.call('lrange', 'k', 0, -1), #redis.call('smembers', '{k}s'), #redis.call('zrange', '{k}z', 0, -1),
  redis.call('lindex', 'k', 1000), redis.call('zrank', '{k}z', 'member1500'), redis.call('scard', '{k}s'),
  redis.call('sinterstore', '{k}i', '{k}s', '{k}s'), #redis.call('sort', 'k'), redis.call('zcount', '{k}z', 100, 199)}
redis.call('del', 'k', '{k}s', '{k}z', '{k}i')
return r
--- large strings are read and changed
local long = string.rep('0123456789', 20000)
redis.call('set', 'k', long)
redis.call('append', 'k', 'tail')
redis.call('setrange', 'k', 5, 'XY')
local got = redis.call('get', 'k')
local part = redis.call('getrange', 'k', 0, 9)
redis.call('del', 'k')
return {#got, part, got:sub(-6), redis.call('exists', 'k')}
--- a key of another type is replaced
redis.call('rpush', 'k', 1)
redis.call('set', 'k', 'x')
local a = redis.call('get', 'k')
redis.call('del', 'k')
redis.call('hset', 'k', 'f', 'v')
local b = redis.call('type', 'k')
redis.call('rename', 'k', '{k}2')
redis.call('sadd', 'k', 'm')
return {a, b, redis.call('type', 'k'), redis.call('hget', '{k}2', 'f')}
--- a collection that gets empty is no key
redis.call('rpush', 'k', 'a')
redis.call('lpop', 'k')
redis.call('sadd', 'k', 'a')
redis.call('srem', 'k', 'a')
return {redis.call('exists', 'k'), redis.call('zadd', 'k', 1, 'a'), redis.call('zrem', 'k', 'a'), redis.call('type', 'k')}
--- a key expires while it is used
redis.call('set', 'k', 'v', 'px', 1)
local t = redis.call('time')
local deadline = t[1] * 1000 + t[2] / 1000 + 20
repeat t = redis.call('time') until t[1] * 1000 + t[2] / 1000 > deadline
return redis.call('get', 'k')
--- writes in a script that fails stay
redis.call('set', 'k', 1)
redis.call('hset', '{k}h', 'f', 'v')
redis.call('rpush', '{k}l', 'a', 'b')
redis.call('incr', '{k}h')
redis.call('set', 'k', 2)
--- writes in a function that is caught stay
pcall(function() redis.call('set', 'k', 1) redis.call('incr', 'k') redis.call('hset', 'k', 'f', 'v') end)
return redis.call('get', 'k')
