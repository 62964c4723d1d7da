--- arithmetic
return {tostring(7 / 2), 7 % 3, -7 % 3, 7 % -3, 2 ^ 10, -2 ^ 2, tostring(5.5 % 2), 1e3, 0x10, tostring(0.1 + 0.2), tostring(1/3)}
--- arithmetic with texts
return {'10' + 1, '010' + 1, '0x10' + 1, ' 5 ' * '2', tostring('1e1' + 0.5), -'3', '7' % 4, '2' ^ '3'}
--- numbers as texts
return {1 .. '', 1.5 .. '', 1e15 .. '', 1e14 .. '', 1e100 .. '', -0.0 .. '', 2^53 .. '', 0.1 .. '', 1/3 .. '', 123456789012345 .. '', 100 .. '|' .. 2}
--- numbers that are not finite as texts
return {tostring(1/0), tostring(-1/0), tostring(0/0), tostring(-(0/0)), math.huge .. '', 0/0 == 0/0}
--- texts as numbers
local t = {}
for i, s in ipairs({'1', ' 1 ', '1.5', '.5', '5.', '1e2', '1E-2', '0x1F', '0X1f', '-0x1', '- 1', '+1', '', ' ', '1 2', '1x', 'inf', 'nan', '0x', '1e', '١', '1\0', '1_0', '0b1', '1e400', '0x1p4'}) do
  t[i] = tostring(tonumber(s))
end
return t
--- numbers of other bases
return {tonumber('ff', 16), tonumber('FF', 16), tonumber('777', 8), tonumber('z', 36), tonumber('12', 2) == nil, tonumber('  11  ', 2), tonumber('8', 8) == nil, tonumber('1e1', 10), tonumber(10, 16)}
--- a base that is wrong
local function try(...) return {pcall(...)} end return {try(tonumber, '1', 1), try(tonumber, '1', 37)}
--- comparisons
return {1 == 1.0, '1' == 1, 'a' < 'b', 'a' < 'B', '' < 'a', 'a\0b' < 'a\0c', 2 <= 2, 'Z' < 'a', 'a' >= 'a'}
--- logic
return {1 and 2, nil and 1 or 3, false or 'x', not nil, not 0, nil == false, 0 and 'zero is true'}
--- the length of texts and tables
return {#'abc', #'a\0b', #{1, 2, 3}, #{}, #{n = 1}, #{{}, {}}}
--- local functions and upvalues
local function counter() local n = 0 return function() n = n + 1 return n end end
local a, b = counter(), counter()
return {a(), a(), b(), a()}
--- closures in a loop
local fs = {}
for i = 1, 3 do fs[i] = function() i = i + 1 return i end end
return {fs[1](), fs[1](), fs[2](), fs[3]()}
--- varargs
local function f(...) local a, b = ... return select('#', ...), a, b, ... end
return {f(1, nil, 3)}
--- select
return {select(2, 'a', 'b', 'c'), select(-1, 'a', 'b', 'c'), (select('#')), (select('#', nil, nil))}
--- select out of range
return {pcall(select, 0, 'a')}
--- select without a number
return {pcall(select, 'x')}
--- arg of a vararg function
local function f(...) return type(arg), arg and arg.n end
return {f(1, 2)}
--- several values in the middle are cut
local function f() return 1, 2 end
return {f(), f(), (f())}
--- loops
local t = {}
for i = 1, 3 do t[#t + 1] = i end
for i = 3, 1, -1 do t[#t + 1] = i end
for i = 1, 2, 0.5 do t[#t + 1] = i * 10 end
for i = 1, 0 do t[#t + 1] = 'never' end
local n = 0
while n < 2 do n = n + 1 t[#t + 1] = n end
repeat local last = n n = n - 1 until last == 1
t[#t + 1] = n
for i = 1, 10 do if i == 3 then break end t[#t + 1] = i end
return t
--- a loop over fractions
local n = 0 for i = 0, 1, 0.1 do n = n + 1 end return n
--- a loop from texts
local t = {} for i = '1', '3' do t[#t + 1] = i end return t
--- ipairs stops at nil
local n = 0 for _ in ipairs({1, 2, nil, 4}) do n = n + 1 end return n
--- pairs of an array come in order
local t = {} for k, v in pairs({'a', 'b', 'c'}) do t[#t + 1] = k t[#t + 1] = v end return t
--- pairs finds all
local n, sum = 0, 0 for k, v in pairs({1, 2, 3, x = 4, [1.5] = 5, [true] = 6}) do n = n + 1 sum = sum + v end return {n, sum}
--- pairs while fields are removed
local t = {} for i = 1, 50 do t['k' .. i] = i end
local n = 0 for k in pairs(t) do t[k] = nil n = n + 1 end
return {n, next(t) == nil}
--- next
return {next({}), next({'a'}), (next({x = 1}))}
--- next of a key that is not there
return {pcall(next, {}, 'x')}
--- strings with escapes
return {'\65\066\n\t\\\'\"', "a\
b", [[
first line is dropped]], [==[a]]b]==], '\a\b\f\v', '\q'}
--- a comment of several lines
--[[ one
two ]] return 1 --[==[ x ]==]
--- semicolons
local a = 1; local b = 2; return a + b;
--- a table constructor
local t = {1, 2; 3, ['x y'] = 4, z = 5, [10] = 6}
return {t[1], t[2], t[3], t['x y'], t.z, t[10]}
--- precedence
return {1 + 2 * 3 - 4 / 2, 2 ^ 3 ^ 2, not 1 == 2, -2 ^ 2, 1 .. 2 .. 3, 2 * 3 .. '', 'a' .. 1 + 2}
--- method calls
local o = {n = 5} function o:add(x) self.n = self.n + x return self end
return o:add(1):add(2).n
--- calls without parentheses
return {type'x', type{}, #('x'):rep(3)}
--- shadowed locals
local x = 1 do local x = 2 end local x = x + 10 return x
--- multiple assignment
local a, b, c = 1, 2 a, b = b, a local t = {} t.x, t.y = a, b return {a, b, c == nil, t.x, t.y}
--- assignment is evaluated from left
local i, t = 1, {} i, t[i] = i + 1, 20 return {i, t[1]}
--- type
return {type(1), type('x'), type(nil), type({}), type(type), type(true), type(coroutine.create(function() end))}
--- a function of a library is no coroutine
return {pcall(coroutine.create, type)}
--- a function of a library is no coroutine of wrap
return {pcall(coroutine.wrap, type)}
--- type without argument
return {pcall(type)}
--- tostring
return {tostring(nil), tostring(true), tostring('x'), tostring(12), tostring(1.5), (tostring({}):gsub('0x%x+', 'ADDR')), (tostring(type):gsub('0x%x+', 'ADDR'))}
--- tostring with a metatable
return {tostring(setmetatable({}, {__tostring = function() return 'mine' end}))}
--- tostring with a metatable that returns no text
return {pcall(tostring, setmetatable({}, {__tostring = function() return {} end}))}
--- tostring without argument
return {pcall(tostring)}
--- rawequal, rawget, rawset
local t = setmetatable({}, {__index = function() return 1 end, __newindex = function() end, __eq = function() return true end})
rawset(t, 'a', 5)
return {rawequal(t, t), rawequal(t, {}), rawget(t, 'b') == nil, rawget(t, 'a'), t.b}
--- unpack
return {unpack({1, 2, 3})}
--- unpack of a range
return {unpack({1, 2, 3, 4}, 2, 3)}
--- unpack up to nil
return {select('#', unpack({}, 1, 3))}
--- unpack of too many
return {pcall(unpack, {}, 1, 1e8)}
--- pcall
return {pcall(function(a, b) return a + b, 'x' end, 1, 2)}
--- pcall of what is no function
return {pcall(5)}
--- pcall without argument
return {pcall()}
--- pcall catches a text
return {pcall(error, 'oops')}
--- pcall catches a text with position
return {pcall(function() error('oops') end)}
--- pcall catches a table
local ok, e = pcall(error, {code = 5})
return {ok, type(e), e.code}
--- pcall catches a table with err
local ok, e = pcall(error, {err = 'MYERR x', code = 5})
return {ok, type(e), e}
--- pcall catches nil
return {pcall(error)}
--- pcall catches a runtime error
return {pcall(function() local t t.x = 1 end)}
--- pcall in pcall
return {pcall(pcall, error, 'x')}
--- pcall goes on after an error
local n = 0 for i = 1, 5 do pcall(function() n = n + 1 error('x') end) end return n
--- xpcall
return {xpcall(function() return 1, 2 end, function() end)}
--- xpcall with a handler
return {xpcall(function() error('oops') end, function(e) return 'handled: ' .. e end)}
--- xpcall gives no arguments
return {xpcall(function(...) return select('#', ...) end, function() end)}
--- xpcall with a handler that fails
return {xpcall(function() error('a') end, function(e) error('b') end)}
--- xpcall with a table
return {xpcall(function() error({1}) end, function(e) return type(e) end)}
--- error levels
local function f() error('x', 1) end
local function g() error('x', 2) end
local function try(...) return {pcall(...)} end return {try(f), try(function() g() end)}
--- assert passes its values on
return {assert(1, 'text', 3)}
--- assert fails
local function try(...) return {pcall(...)} end return {try(assert, false), try(assert, nil, 'text'), try(assert)}
--- metatable: index
local t = setmetatable({}, {__index = {x = 1}})
local u = setmetatable({}, {__index = function(t, k) return k .. '!' end})
return {t.x, t.y == nil, u.z, u[1]}
--- metatable: newindex
local store = {}
local t = setmetatable({}, {__newindex = store})
t.x = 1
local u = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end})
u.y = 4
return {rawget(t, 'x') == nil, store.x, u.y}
--- metatable: arithmetic
local mt = {} mt.__add = function(a, b) return 'add' end mt.__sub = function() return 'sub' end mt.__mul = function() return 'mul' end
mt.__div = function() return 'div' end mt.__mod = function() return 'mod' end mt.__pow = function() return 'pow' end mt.__unm = function() return 'unm' end
mt.__concat = function() return 'concat' end
local t = setmetatable({}, mt)
return {t + 1, 1 + t, t - t, t * 1, t / 1, t % 1, t ^ 1, -t, t .. 'x', 'x' .. t, 1 .. t}
--- metatable: comparison
local mt = {__eq = function() return true end, __lt = function(a, b) return a.n < b.n end, __le = function(a, b) return a.n <= b.n end}
local a, b = setmetatable({n = 1}, mt), setmetatable({n = 2}, mt)
return {a == b, a ~= b, a < b, a > b, a <= b, a >= b, a == 1}
--- metatable: le from lt
local mt = {__lt = function(a, b) return a.n < b.n end}
local a, b = setmetatable({n = 1}, mt), setmetatable({n = 2}, mt)
return {a <= b, b <= a}
--- metatable: call
local t = setmetatable({}, {__call = function(self, a, b) return a, b, self == nil end})
return {t(1, 2)}
--- metatable: len is not asked for tables
return #setmetatable({1, 2}, {__len = function() return 10 end})
--- metatable: protected
local t = setmetatable({}, {__metatable = 'locked'})
local function try(...) return {pcall(...)} end return {getmetatable(t), try(setmetatable, t, {})}
--- metatable of a text
return {type(getmetatable('x')), getmetatable('x').__index == string, ('x').len == string.len}
--- metatable of a text cannot be changed
getmetatable('x').__index = nil
--- metatable: the wrong type
local function try(...) return {pcall(...)} end return {try(setmetatable, 1, {}), try(setmetatable, {}, 1), try(setmetatable, {})}
--- metatable: inherited classes
local A = {} A.__index = A function A.new(n) return setmetatable({n = n}, A) end function A:get() return self.n end
local B = setmetatable({}, {__index = A}) B.__index = B function B:twice() return self:get() * 2 end
return {A.new(1):get(), setmetatable({n = 4}, B):twice()}
--- metatable: a loop of index
local t = {} setmetatable(t, {__index = t}) return {pcall(function() return t.x end)}
--- coroutines
local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d + e end)
return {coroutine.resume(co, 1, 2), coroutine.status(co), select(2, coroutine.resume(co, 10)), select(2, coroutine.resume(co, 3, 4)), coroutine.status(co), coroutine.resume(co)}
--- coroutine.wrap
local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
return {gen(), gen(), gen(), gen() == nil}
--- coroutine.wrap is dead
local gen = coroutine.wrap(function() return 1 end)
local function try(...) return {pcall(...)} end return {gen(), try(gen)}
--- coroutine.status
local co co = coroutine.create(function() return coroutine.status(co) end)
return {coroutine.status(co), coroutine.resume(co), coroutine.status(co)}
--- coroutine.running
return {coroutine.running() == nil, type(coroutine.wrap(function() return coroutine.running() end)())}
--- yield outside of a coroutine
return {pcall(coroutine.yield, 1)}
--- yield outside of a coroutine, not caught
coroutine.yield(1)
--- a coroutine in a coroutine
local inner = coroutine.wrap(function() coroutine.yield(1) coroutine.yield(2) end)
local outer = coroutine.wrap(function() coroutine.yield(inner()) coroutine.yield(inner()) end)
return {outer(), outer()}
--- resume of itself
local co co = coroutine.create(function() return coroutine.resume(co) end)
return {coroutine.resume(co)}
--- resume of what is no coroutine
return {pcall(coroutine.resume, 1)}
--- yield across pcall
return {coroutine.resume(coroutine.create(function() return pcall(coroutine.yield, 1) end))}
--- producers and consumers
local function producer() return coroutine.create(function() for i = 1, 4 do coroutine.yield('item' .. i) end return nil end) end
local t, p = {}, producer()
while true do local ok, v = coroutine.resume(p) if not v then break end t[#t + 1] = v end
return t
--- a global variable is set
x = 1
--- a global function is set
function f() return 1 end
return f()
--- a global variable is read
return x
--- a global variable is read by _G
return _G.x
--- a global variable is set by _G
_G.x = 1
--- a global variable is set by rawset
rawset(_G, 'x', 1)
--- a global variable is set by setfenv
setfenv(1, {}) x = 1 return x
--- a function gets another environment
local function f() return y end
setfenv(f, {y = 5})
return {f(), getfenv(f).y, getfenv(1) == _G}
--- a library is changed
string.len = nil
--- a library gets a function
table.mine = function() end
--- a library is replaced
math = {}
--- the metatable of the globals is changed
setmetatable(_G, {})
--- the metatable of the globals is read
return type(getmetatable(_G))
--- the names of globals
local t = {} for k, v in pairs(_G) do if k ~= '__redis__err__handler' then t[#t + 1] = k .. ' ' .. type(v) end end table.sort(t) return t
--- the names of libraries' functions
local t = {}
for _, name in ipairs({'string', 'table', 'math', 'coroutine', 'cjson', 'cmsgpack', 'struct', 'bit'}) do
  for k, v in pairs(_G[name]) do if k ~= 'dump' then t[#t + 1] = name .. '.' .. k .. ' ' .. type(v) end end
end
table.sort(t)
return t
--- what is not there
local function try(...) return {pcall(...)} end return {try(function() return print end), try(function() return os end), try(function() return io end), try(function() return require end),
  pcall(function() return debug end), pcall(function() return dofile end), pcall(function() return loadfile end), pcall(function() return package end),
  pcall(function() return module end), pcall(function() return newproxy end)}
--- loadstring
return {loadstring('return 1 + 1')(), loadstring('local a = ... return a')('x'), type(loadstring('')), loadstring('x =')}
--- loadstring of a global variable
loadstring('y = 1')()
--- loadstring of bytecode
return {loadstring('\27Lua')}
--- load
local parts, i = {'return ', '1 ', '+ 2'}, 0
return {load(function() i = i + 1 return parts[i] end)()}
--- load of a syntax error
return {load(function() return nil end) ~= nil, load((function() local done return function() if done then return nil end done = true return 'x x' end end)())}
--- collectgarbage
local function try(...) return {pcall(...)} end return {type(collectgarbage('count')), collectgarbage(), collectgarbage('collect'), try(collectgarbage, 'nosuch')}
--- gcinfo
return type(gcinfo())
--- _VERSION
return _VERSION
--- deep recursion that ends
local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(5000)
--- tail calls
local function f(n) if n == 0 then return 'done' end return f(n - 1) end return f(100000)
--- many locals
local t = {} for i = 1, 100 do t[i] = 'local v' .. i .. ' = ' .. i end
return loadstring(table.concat(t, '\n') .. '\nreturn v1 + v50 + v100')()
--- too many locals
local t = {} for i = 1, 201 do t[i] = 'local v' .. i .. ' = ' .. i end
return {loadstring(table.concat(t, '\n'), '=x')}
--- a fibonacci number
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(18)
--- a sieve
local composite, primes = {}, {}
for i = 2, 100 do
  if not composite[i] then primes[#primes + 1] = i for j = i * i, 100, i do composite[j] = true end end
end
return primes
