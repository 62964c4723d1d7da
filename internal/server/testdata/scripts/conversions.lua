--- a string
return 'hello'
--- an empty string
return ''
--- a string of any bytes
return '\0\1\r\n\255'
--- an integer
return 42
--- a negative integer
return -7
--- zero
return 0
--- negative zero
return -0
--- fractions are cut off
return {3.99, -3.99, 0.5, -0.5, 1.0000001}
--- large numbers
return {2^31, 2^53, 2^62, -2^62, 2^53 + 1}
--- numbers that no integer holds
return {1e19, -1e19, 2^63, -2^63, 1e300, 1/0, -1/0, 0/0}
--- true
return true
--- false
return false
--- nil
return nil
--- no value
return
--- an empty script
--- only a comment
-- nothing
--- several values: the first counts
return 1, 2, 3
--- an array
return {1, 2, 3}
--- an empty array
return {}
--- an array ends at nil
return {1, 2, nil, 4}
--- an array that begins with nil
return {nil, 1}
--- false in an array does not end it
return {1, false, true, 'x'}
--- nested arrays
return {1, {2, {3, {}}, 'a'}, {{{{}}}}}
--- fields of an array are left out
return {1, 2, x = 3, [10] = 4, [0] = 5, [-1] = 6}
--- only fields
return {x = 3, y = {1}}
--- elements set in another order
local t = {} t[3] = 'c' t[1] = 'a' t[2] = 'b' return t
--- an element set to nil
local t = {1, 2, 3, 4} t[3] = nil return t
--- keys that are fractions
return {[1] = 'a', [1.5] = 'b', [2] = 'c'}
--- a key that is a text of digits
return {['1'] = 'a', [1] = 'b'}
--- a function
return function() end
--- a library function
return redis.call
--- a coroutine
return coroutine.create(function() end)
--- values without a reply in an array
return {1, function() end, print == nil, coroutine.create(function() end), 2}
--- a status
return {ok = 'fine'}
--- a status of several lines
return {ok = 'a\r\nb\nc'}
--- a status ends at a zero byte
return {ok = 'a\0b'}
--- an empty status
return {ok = ''}
--- a status that is not a string
return {ok = 1}
--- a status that is not a string, with elements
return {ok = true, 1, 2}
--- an error
return {err = 'MYERR something'}
--- an error without code
return {err = 'something'}
--- an error of several lines
return {err = '\r\nERR a\r\nb\n'}
--- an error that begins with a dash
return {err = '-ERR a'}
--- an empty error
return {err = ''}
--- an error ends at a zero byte
return {err = 'ERR a\0b'}
--- an error that is not a string
return {err = 12, 1}
--- an error comes before a status
return {ok = 'fine', err = 'ERR bad', 1, 2}
--- statuses and errors in an array
return {{ok = 'fine'}, {err = 'ERR bad'}, 3}
--- a double
return {double = 3.25}
--- doubles
return {{double = 0.1}, {double = 3}, {double = -2.5}, {double = 1e100}, {double = 1e15}, {double = 1e16},
    {double = 1e17}, {double = 123456789.125}, {double = 1e-5}, {double = 1/3}}
--- doubles that are not finite
return {{double = 1/0}, {double = -1/0}}
--- a double that is not a number
return {double = 0/0}
--- a double of negative zero
return {double = -0}
--- a double that is a text
return {double = '3.25', 'x'}
--- a double comes after a status
return {double = 1, ok = 'fine'}
--- a big number
return {big_number = '1234567890123456789012345678901234567890'}
--- a big number that is not one
return {big_number = 'a\r\nb'}
--- a big number that is a number
return {big_number = 12, 1}
--- a verbatim string
return {verbatim_string = {format = 'txt', string = 'some\r\ntext'}}
--- a verbatim string with a short format
return {verbatim_string = {format = 'm', string = 'x'}}
--- a verbatim string with a long format
return {verbatim_string = {format = 'markdown', string = ''}}
--- a verbatim string without format
return {verbatim_string = {string = 'x'}, 1}
--- a verbatim string whose text is a number
return {verbatim_string = {format = 'txt', string = 1}, 1}
--- a verbatim string that is not a table
return {verbatim_string = 'x', 1}
--- a map
return {map = {a = 1}}
--- an empty map
return {map = {}}
--- a map of an array
return {map = {'a', 'b'}}
--- a map of many (pairs)
return {map = {a = 1, b = 'x', c = {1, 2}, [1] = true, [2.5] = {ok = 'fine'}}}
--- a map in a map
return {map = {a = {map = {b = {map = {}}}}}}
--- a map that is not a table
return {map = 1, 'x'}
--- a set
return {set = {a = true}}
--- a set of many (unordered)
return {set = {a = true, b = true, c = false, d = 1, [7] = true}}
--- a set of an array
return {set = {'a', 'b', 'c'}}
--- a map comes before a set
return {map = {a = 1}, set = {b = true}}
--- a boolean as key of a map
return {map = {[true] = false}}
--- a metatable is not asked
return setmetatable({1, 2}, {__index = function(t, k) return k end})
--- a metatable is not asked for the kind
return setmetatable({}, {__index = {err = 'ERR x', ok = 'x', 1, 2}})
--- a length of its own is not asked
return setmetatable({1, 2}, {__len = function() return 1 end})
--- a text of a table is not asked
return setmetatable({}, {__tostring = function() return 'x' end})
--- 7994 levels
local t = 1 for i = 1, 7994 do t = {t} end return t
--- 7995 levels
local t = 1 for i = 1, 7995 do t = {t} end return t
--- 2664 levels of maps
local t = 1 for i = 1, 2664 do t = {map = {[1] = t}} end return t
--- 2665 levels of maps
local t = 1 for i = 1, 2665 do t = {map = {[1] = t}} end return t
--- 2665 levels of sets
local t = 1 for i = 1, 2665 do t = {set = {[t] = true}} end return t
--- a table that has itself
local t = {1} t[2] = t return t
--- keys and arguments
--> EVAL $script 2 {k}a {k}b c "" "\x00\xff" 5
return {KEYS, ARGV, #KEYS, #ARGV, KEYS[3], 'not there'}
--- an argument is a string
--> EVAL $script 0 12
return {type(ARGV[1]), ARGV[1] + 1}
--- keys and arguments can be changed
--> EVAL $script 1 a b
KEYS[1] = 'x' ARGV[2] = 'y' return {KEYS, ARGV}
--- what was changed is gone in the next run
--> EVAL $script 1 a b
return {KEYS, ARGV}
