--- concat
return {table.concat({1, 2, 3}), table.concat({'a', 'b'}, ', '), table.concat({}, 'x'), table.concat({1, 2, 3, 4}, '-', 2, 3), table.concat({1.5, 'x'}, 1), table.concat({1, 2}, ',', 3)}
--- concat of what is no text
local function try(...) return {pcall(...)} end return {try(table.concat, {1, true}), try(table.concat, {{}}), try(table.concat, {1, 2}, ',', 1, 3), try(table.concat)}
--- insert
local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) table.insert(t, 3, 'x') table.insert(t, #t + 1, 'end') return t
--- insert out of range
local t = {} table.insert(t, 5, 'x') return {t[1] == nil, t[5]}
--- insert with wrong arguments
local function try(...) return {pcall(...)} end return {try(table.insert, {}), try(table.insert, {}, 1, 2, 3), try(table.insert, nil, 1), try(table.insert, {}, 'x', 1)}
--- remove
local t = {1, 2, 3, 4} return {table.remove(t), table.remove(t, 1), table.remove(t, 5) == nil, #t, t[1], t[2], table.remove({}) == nil}
--- remove returns nothing
return {select('#', table.remove({})), select('#', table.remove({}, 3))}
--- sort
local t = {5, 2, 8, 1, 9, 3} table.sort(t) return t
--- sort of texts
local t = {'banana', 'apple', 'cherry', 'Apple', ''} table.sort(t) return t
--- sort by a function
local t = {5, 2, 8, 1} table.sort(t, function(a, b) return a > b end) return t
--- sort of many
local t, x = {}, 1 for i = 1, 200 do x = (x * 16807) % 2147483647 t[i] = x % 1000 end table.sort(t) local ok = true for i = 2, 200 do ok = ok and t[i - 1] <= t[i] end return {ok, t[1], t[100], t[200]}
--- sort of mixed types
return {pcall(table.sort, {1, 'x'})}
--- sort of tables
return {pcall(table.sort, {{}, {}})}
--- sort by fields
local t = {{n = 'b', v = 2}, {n = 'a', v = 1}} table.sort(t, function(a, b) return a.n < b.n end) return {t[1].v, t[2].v}
--- getn and maxn
return {table.getn({1, 2, 3}), table.getn({}), table.maxn({1, 2, [10] = 1}), table.maxn({}), tostring(table.maxn({[1.5] = 1})), table.maxn({x = 1})}
--- setn
return {pcall(table.setn, {}, 1)}
--- foreach and foreachi
local t = {} table.foreach({'a', 'b'}, function(k, v) t[#t + 1] = k .. v end) table.foreachi({'x', 'y'}, function(i, v) t[#t + 1] = i .. v end)
return {t, table.foreach({1, 2, 3}, function(k, v) if v == 2 then return 'found' end end), table.foreachi({1, 2}, function() end) == nil}
--- wrong arguments
local function try(...) return {pcall(...)} end return {try(table.getn), try(table.sort), try(table.maxn, 1), try(table.foreach, {}), try(table.remove), try(ipairs), try(pairs, nil), try(next), try(unpack)}
--- a queue
local q, head = {}, 1 for i = 1, 5 do q[#q + 1] = i end local t = {} while head <= #q do t[#t + 1] = q[head] head = head + 1 end return t
--- keys of different types
local k = {} local t = {[1] = 'a', ['1'] = 'b', [true] = 'c', [k] = 'd', [1.5] = 'e', [-1] = 'f'} return {t[1], t['1'], t[true], t[k], t[1.5], t[-1], t[{}] == nil, t[1.0]}
--- a large array
local t = {} for i = 1, 10000 do t[i] = i end local s = 0 for i = 1, #t do s = s + t[i] end return {#t, s}
--- elements are removed
local t = {1, 2, 3, 4, 5} t[5] = nil t[4] = nil return {#t, t}
--- math: rounding
return {math.floor(3.7), math.floor(-3.7), math.ceil(3.2), math.ceil(-3.2), math.abs(-5), tostring(math.abs(-1.5)), math.floor(5)}
--- math: remainders
return {math.fmod(7, 3), math.fmod(-7, 3), math.mod(7, 3), tostring(math.fmod(5.5, 2)), select(1, math.modf(3.25)), tostring(select(2, math.modf(3.25))), select(1, math.modf(-3.25)), tostring(select(2, math.modf(-3.25)))}
--- math: modf of infinity
return {tostring((math.modf(1/0))), tostring(select(2, math.modf(1/0))), tostring(math.fmod(1, 0)), tostring(1 % 0), tostring(5 % math.huge), tostring(-5 % math.huge), tostring(2^60 % 7), tostring(1e17 % 3.3)}
--- math: powers
return {math.pow(2, 10), math.sqrt(16), tostring(math.sqrt(2)), tostring(math.exp(1)), tostring(math.log(10)), tostring(math.log10(1000)), tostring(math.ldexp(0.5, 4)), tostring((math.frexp(10))), select(2, math.frexp(10)), tostring(math.sqrt(-1))}
--- math: angles
return {tostring(math.sin(1)), tostring(math.cos(1)), tostring(math.tan(1)), tostring(math.asin(1)), tostring(math.acos(0)), tostring(math.atan(1)), tostring(math.atan2(1, 2)), tostring(math.deg(math.pi)), tostring(math.rad(180)), tostring(math.sinh(1)), tostring(math.cosh(1)), tostring(math.tanh(1))}
--- math: constants
return {tostring(math.pi), tostring(math.huge), tostring(-math.huge)}
--- math: largest and smallest
local function try(...) return {pcall(...)} end return {math.max(1, 5, 3), math.min(1, 5, 3), math.max(2), tostring(math.max(1.5, 1.25)), try(math.max)}
--- math: random numbers are in their ranges
local ok = true
for i = 1, 200 do
  local a, b, c = math.random(), math.random(10), math.random(-5, 5)
  ok = ok and a >= 0 and a < 1 and b >= 1 and b <= 10 and b % 1 == 0 and c >= -5 and c <= 5
end
return ok
--- math: random numbers of a seed
math.randomseed(42)
local t = {} for i = 1, 10 do t[i] = math.random(1000) end
math.randomseed(-1) t[11] = math.random(1000)
math.randomseed(42) t[12] = math.random(1000)
return t
--- math: random numbers of empty ranges
local function try(...) return {pcall(...)} end return {try(math.random, 0), try(math.random, 5, 4), try(math.random, 1, 2, 3), try(math.randomseed), try(math.random, 'x')}
--- math: wrong arguments
local function try(...) return {pcall(...)} end return {try(math.floor), try(math.floor, 'x'), try(math.abs, {}), math.floor('3.7'), try(math.pow, 1), try(math.ldexp, 1)}
--- math: a loop of remainders
local h = 5381 for i = 1, 100 do h = (h * 33 + i) % 4294967291 end return tostring(h)
