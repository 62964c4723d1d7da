--- byte and char
return {string.byte('A'), string.byte('abc', 2), string.byte('abc', -1), string.byte('abc', 10) == nil, ('x'):byte(), string.char(72, 105, 0, 255), string.char()}
--- byte of several
return {string.byte('abcdef', 2, 4)}
--- char out of range
local function try(...) return {pcall(...)} end return {try(string.char, 256), try(string.char, -1), try(string.char, 'x')}
--- find
return {string.find('hello world', 'o'), string.find('hello world', 'o', 6), string.find('hello', 'l+'), string.find('hello', 'xyz') == nil, string.find('a.b', '.', 1, true), string.find('abc', '', 10) == nil, string.find('abc', '', 4)}
--- find with captures
return {string.find('key = value', '(%w+)%s*=%s*(%w+)')}
--- find from a negative start
return {string.find('hello', 'l', -2), string.find('hello', 'h', -100)}
--- match
return {string.match('2024-01-15', '(%d+)-(%d+)-(%d+)')}
--- match without captures
return {string.match('hello123', '%d+'), string.match('abc', '%d') == nil, string.match('  trim  ', '^%s*(.-)%s*$'), string.match('x', '()')}
--- match with anchors
return {string.match('abc', '^b') == nil, string.match('abc', 'c$'), string.match('a$', 'a%$'), string.match('abc', '^(a)(b)(c)$')}
--- match of sets
return {string.match('f00-bar', '[%w-]+'), string.match('x]y', '[]]'), string.match('a-z', '[a%-z]+'), string.match('ABC', '[^a-z]+'), string.match('a^b', '[%^]')}
--- match of classes
local s = 'aZ5 \t.\1' local t = {}
for _, c in ipairs({'%a', '%d', '%l', '%u', '%s', '%p', '%c', '%w', '%x', '%A', '%D', '%S', '%z'}) do t[#t + 1] = string.match(s .. '\0', c .. '+') or 'none' end
return t
--- match of balanced parts
return {string.match('f(a(b)c)d', '%b()'), string.match('THE (quick) fox', '%((%a+)%)'), string.match('[[x]]', '%b[]')}
--- match with back references
return {string.match('"x" \'y\'', '(["\'])(.-)%1'), string.match('abab', '(ab)%1')}
--- match of a frontier
return {string.match('THE (quick) fox', '%f[%a]%a+%f[%A]'), (string.gsub('THE (quick) fox', '%f[%a]%a+', 'X'))}
--- match lazily and greedily
return {string.match('<a><b>', '<.->'), string.match('<a><b>', '<.+>'), string.match('aaa', 'a-'), string.match('aaa', 'a?'), string.match('aaab', 'a*b')}
--- malformed patterns
local t = {}
for _, p in ipairs({'[a', '%', '(a', 'a)', '%b', '%bx', '[a-', '%f', '(()', '%1', '(%1)', '[%'}) do t[#t + 1] = select(2, pcall(string.find, 'aaa', p)) end
return t
--- gmatch
local t = {} for k, v in string.gmatch('a=1, b=2, c=3', '(%w+)=(%w+)') do t[#t + 1] = k .. v end return t
--- gmatch of words
local t = {} for w in ('one two  three'):gmatch('%a+') do t[#t + 1] = w end return t
--- gmatch of empty matches
local n = 0 for _ in ('abc'):gmatch('x*') do n = n + 1 end return n
--- gsub
return {string.gsub('hello world', 'o', '0'), string.gsub('hello', 'l', 'L', 1), string.gsub('abc', '%w', '%0%0'), string.gsub('hello world', '(%w+) (%w+)', '%2 %1'), string.gsub('abc', '', '-')}
--- gsub with a table
return {string.gsub('$name is $age, $none', '%$(%w+)', {name = 'Bob', age = 42})}
--- gsub with a function
return {string.gsub('a1b2', '%d', function(d) return d * 2 end), string.gsub('abc', '%w', function(c) if c == 'b' then return false end return c:upper() end)}
--- gsub with a percent sign
local function try(...) return {pcall(...)} end return {string.gsub('x', 'x', '%%'), try(string.gsub, 'x', 'x', '%2'), string.gsub('x', 'x', 'a%')}
--- gsub with a value that is none
local function try(...) return {pcall(...)} end return {try(string.gsub, 'x', 'x', function() return {} end), try(string.gsub, 'x', 'x', {x = true})}
--- gsub with a wrong replacement
local function try(...) return {pcall(...)} end return {try(string.gsub, 'x', 'x'), try(string.gsub, 'x', 'x', true)}
--- gsub with a limit
return {string.gsub('aaaa', 'a', 'b', 2), string.gsub('aaaa', 'a', 'b', 0), string.gsub('aaaa', 'a', 'b', -1)}
--- gsub at the start
return {string.gsub('aaa', '^a', 'b'), string.gsub('hello', '', '.'), string.gsub('abc', '$', '!')}
--- format
return {string.format('%d %5d %-5d| %05d %+d', 42, 42, 42, 42, 42), string.format('%s %10s %-10s|', 'x', 'y', 'z'), string.format('%5.1f %g %e', 3.14159, 1e20, 12345.678), string.format('%x %X %#x %o', 255, 255, 255, 8), string.format('%c%c', 72, 105), string.format('%%')}
--- format of texts
return {string.format('%q', 'a "quoted"\n\\text\0\r'), string.format('%.3s', 'abcdef'), string.format('%s', '\0x'), string.format('%5s|%-5s|', 'ab', 'cd'), string.format('%s', 12.5), string.format('%s', 'x')}
--- format of numbers
return {string.format('%i', 3.99), string.format('%u', 42), string.format('%.0f', 0.5), string.format('%.14g', 1/3), string.format('%g', 100000), string.format('%g', 1000000), string.format('%g', 1e-5), string.format('%G', 1e-10), string.format('%E', 1.5), string.format('%.3d', 5), string.format('% d', 5), string.format('%#o', 8)}
--- format of large numbers
return {string.format('%d', 2^53), string.format('%d', -2^31), string.format('%x', 2^40), string.format('%.17g', 0.1), string.format('%.20f', 0.1), string.format('%f', 1e15)}
--- format of numbers that are not finite
return {string.format('%f', 1/0), string.format('%g', -1/0), string.format('%5.1f', 1/0)}
--- format of texts as numbers
return {string.format('%d', '10'), string.format('%s', 10), string.format('%f', '1.5')}
--- format with wrong arguments
local function try(...) return {pcall(...)} end return {try(string.format, '%d', 'x'), try(string.format, '%d'), try(string.format, '%s'), try(string.format, '%y', 1), try(string.format, '%'), try(string.format, '%s', nil), try(string.format, '%s', {}) and 1}
--- format with wide fields
local function try(...) return {pcall(...)} end return {try(string.format, '%100d', 1), try(string.format, '%.100f', 1), string.format('%99d', 1), string.format('%.99f', 1):len(), try(string.format, '%-+ #0 0d', 1)}
--- len, lower, upper, reverse, rep
return {string.len('a\0b'), string.lower('ABC Äé'), string.upper('abc äé'), string.reverse('abc'), string.reverse(''), string.rep('ab', 3), string.rep('x', 0), string.rep('x', -1), string.rep('', 1000), string.rep('a', 2.9)}
--- sub
return {string.sub('hello', 2, 4), string.sub('hello', 2), string.sub('hello', -3), string.sub('hello', -3, -2), string.sub('hello', 0), string.sub('hello', 10), string.sub('hello', 4, 2), string.sub('hello', -100, 100), string.sub('hello', 2.9)}
--- texts with methods
return {('abc'):upper():lower():len(), ('%d'):format(5), ('a,b'):find(',', 1, true), #('x'):rep(10)}
--- numbers have methods of texts by functions
return {string.len(123), string.rep(1, 3), string.upper(1.5), string.sub(12345, 2, 3)}
--- wrong arguments
local function try(...) return {pcall(...)} end return {try(string.len), try(string.len, {}), try(string.sub), try(string.sub, 'x'), try(string.rep, 'x'), try(string.byte, nil), try(string.upper, true)}
--- gfind
return type(string.gfind)
--- split by a character
local t = {} for part in string.gmatch('a,b,,c', '([^,]*)') do t[#t + 1] = part end return t
--- a text from many parts
local t = {} for i = 1, 1000 do t[i] = i % 10 end local s = table.concat(t) return {#s, s:sub(1, 20), redis.sha1hex(s)}
--- texts are compared by bytes
local t = {'b', 'a', 'B', 'A', 'ä', '', 'aa', '\255', '10', '9'} table.sort(t) return t
