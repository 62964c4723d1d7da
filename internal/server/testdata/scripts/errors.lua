--- a text
error('my error')
--- a text on another line


error('my error')
--- a text without position
error('my error', 0)
--- the position of the caller
local function f()
  error('my error', 2)
end

f()
--- a level that there is not
error('my error', 50)
--- no value
error()
--- nil
error(nil)
--- true
error(true)
--- a number
error(12)
--- a fraction
error(1.5, 0)
--- an empty text
error('')
--- a text of several lines
error('a\r\nb\n')
--- a text with a zero byte
error('a\0b')
--- a long text
error(string.rep('x', 1000))
--- a table with a text
error({err = 'MYERR my error'})
--- a table with a text without code
error({err = 'oops'})
--- a table with an empty text
error({err = ''})
--- a table with a number
error({err = 12})
--- a table with a text of several lines
error({err = 'ERR a\r\nb'})
--- a table with a place of its own
error({err = 'ERR a', source = 'mine', line = 77})
--- a table that keeps no place
error(setmetatable({err = 'ERR a\r\n'}, {__newindex = function() end}))
--- a table whose text comes from a metatable
error(setmetatable({}, {__index = {err = 'ERR from there'}}))
--- a table whose place comes from a metatable
error(setmetatable({err = 'ERR a'}, {__newindex = function() end, __index = {source = '@there', line = 5}}))
--- a reply of redis.error_reply
error(redis.error_reply('MYERR my error'))
--- an error of a command
return redis.call('incr', 'k', 'k')
--- an error of a command in a function
local function f()
  return redis.call('get')
end
local x = 1
return f()
--- an error of a command after two lines

redis.call('set', 'k', 'x')
redis.call('incr', 'k')
return 1
--- an error of a command keeps what was written
redis.call('set', 'k', 'x')
redis.call('lpush', 'k', 'y')
--- wrong type
redis.call('set', 'k', 'x')
return redis.call('hget', 'k', 'f')
--- wrong type, returned
redis.call('set', 'k', 'x')
return redis.pcall('hget', 'k', 'f')
--- wrong type, in an array
redis.call('set', 'k', 'x')
return {1, redis.pcall('hget', 'k', 'f'), 2}
--- an unknown command
return redis.call('nosuch')
--- an unknown command, returned
return redis.pcall('nosuch', 1, 2)
--- the name of a command is not cut at a zero byte
return redis.call('get\0', 'k')
--- an empty command
return redis.call('')
--- an unknown subcommand
return redis.call('object', 'nosuch', 'k')
--- too few arguments of a subcommand
return redis.call('object', 'encoding')
--- a command that scripts must not call
return redis.call('multi')
--- a subcommand that scripts must not call
return redis.call('config', 'get', 'maxmemory')
--- commands that scripts must not call
local list = {}
for _, words in ipairs({{'multi'}, {'exec'}, {'discard'}, {'watch', 'k'}, {'unwatch'}, {'eval', 'return 1', 0},
    {'evalsha', 'x', 0}, {'eval_ro', 'return 1', 0}, {'script', 'flush'}, {'function', 'flush'}, {'fcall', 'f', 0}, {'auth', 'x'},
    {'hello', 3}, {'client', 'list'}, {'client', 'setname', 'x'}, {'quit'}, {'reset'}, {'debug', 'sleep', 0},
    {'acl', 'whoami'}, {'config', 'set', 'a', 'b'}, {'shutdown'}, {'wait', 0, 0}, {'save'},
    {'replicaof', 'no', 'one'}, {'readonly'}, {'asking'}, {'select', 0}}) do
  local r = redis.pcall(unpack(words))
  if type(r) == 'table' then r = r.err or r.ok or #r end
  list[#list + 1] = words[1] .. ' ' .. (words[2] or '') .. ': ' .. tostring(r)
end
return list
--- no arguments
return redis.call()
--- no arguments, returned
return redis.pcall()
--- a table as argument
return redis.call('set', 'k', {})
--- nil as argument
return redis.call('set', 'k', nil)
--- true as argument, returned
return redis.pcall('set', 'k', true)
--- a function as command
return redis.call(function() end)
--- the wrong argument comes before the unknown command
return redis.call('nosuch', {})
--- a nil value is indexed
local t = {}
return t.a.b
--- a nil global function is called
return nosuch()
--- a nil field is called
return redis.nosuch()
--- a nil local is called
local f
f()
--- a method that there is not
local s = 'x'
return s:nosuch()
--- arithmetic on nil
local t = {}
return t.x + 1
--- arithmetic on a text
return 'abc' + 1
--- arithmetic on a table
return {} * 2
--- a number is compared with a text
return 1 < 'x'
--- tables are compared
return {} < {}
--- nil is compared
local a
return a < 1
--- a nil value is concatenated
local a
return 'x' .. a
--- a table is concatenated
return 'x' .. {}
--- true is concatenated
return true .. 'x'
--- the length of a number
local n = 5
return #n
--- nil as index
local t = {}
t[nil] = 1
--- not a number as index
local t = {}
t[0/0] = 1
--- a for loop from a text
for i = 'x', 2 do end
--- a for loop up to nil
for i = 1, nil do end
--- a for loop with a step that is a table
for i = 1, 2, {} do end
--- a generic for loop over nil
for k in nil do end
--- endless recursion
local function f() return 1 + f() end
return f()
--- a wrong argument of a library function
return string.rep()
--- a wrong argument of a method
return ('x'):rep({})
--- a wrong argument of a table function
return table.concat({1, {}, 3})
--- syntax: not complete
return 1 +
--- syntax: not closed
if true then
return 1
--- syntax: a text that is not closed
return 'abc
--- syntax: an unexpected word
return return
--- syntax: a character
local a = 1
return a $ 1
--- syntax: after the end
return 1 return 2
--- syntax: break outside of a loop
break
--- syntax: an assignment to a call
f() = 1
--- syntax: a number
return 1x
--- syntax: goto is not of Lua 5.1
goto done ::done:: return 1
--- syntax: integer division is not of Lua 5.1
return 7 // 2
--- an error in a metamethod
return setmetatable({}, {__index = function(t, k)
  error('no ' .. k)
end}).field
--- an error in a coroutine that is wrapped
return coroutine.wrap(function() error('inside') end)()
--- an error in a coroutine that is resumed
return {coroutine.resume(coroutine.create(function() error('inside') end))}
--- an error of a command in a coroutine
return {coroutine.resume(coroutine.create(function() redis.call('get') end))}
--- an error of a command in a wrapped coroutine
return coroutine.wrap(function() redis.call('get') end)()
--- an error in a function of gsub
return (string.gsub('abc', 'b', function(x)
  error('at ' .. x)
end))
--- error as function of gsub
return (string.gsub('abc', 'b', error))
--- an error in a comparison of sort
table.sort({3, 2, 1}, function(a, b)
  return a.x < b.x
end)
--- an error that is caught and raised again
local ok, e = pcall(error, 'first')
error(e)
--- a command's error that is caught and raised again
local ok, e = pcall(redis.call, 'get')

error(e)
--- a command's error that was returned is raised
local e = redis.pcall('get')

error(e)
--- a command's error that is caught and returned
local ok, e = pcall(redis.call, 'get')
return e
--- assert fails
assert(false)
--- assert fails with a text
assert(nil, 'my text')
--- assert fails with a table
assert(false, {err = 'MYERR my text'})
--- assert fails with a number
assert(false, 12)
--- assert of a command that fails
return assert(redis.pcall('get'))
--- an error in code of loadstring
return loadstring('error([[inside]])')()
--- an error in code of loadstring with a name
return loadstring('\nerror([[inside]])', '@name')()
--- an error in code of loadstring with a literal name
return loadstring('error([[inside]])', '=name')()
--- a syntax error in code of loadstring
return {loadstring('return +')}
--- a syntax error in code of loadstring with a name
return {loadstring('return +', '@name')}
--- an error in a chain of functions
local function a() error({err = 'DEEP error'}) end
local function b() a() end
local function c() b() end

c()
