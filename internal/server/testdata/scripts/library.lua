--- tostring of numbers
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return tostring(1e14) end)),
  show(pcall(function() return tostring(-1e14) end)),
  show(pcall(function() return tostring(99999999999999) end)),
  show(pcall(function() return tostring(123456789012345) end)),
  show(pcall(function() return tostring(2^53) end)),
  show(pcall(function() return tostring(0.1 + 0.2) end)),
  show(pcall(function() return tostring(1/3) end)),
  show(pcall(function() return tostring(1e-5) end)),
  show(pcall(function() return tostring(5e-324) end)),
  show(pcall(function() return tostring(-0.0) end)),
  show(pcall(function() return tostring(1e21) end)),
  show(pcall(function() return tostring(100000.5) end))}
--- tostring of no numbers
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return tostring(0/0) end)),
  show(pcall(function() return tostring(-(0/0)) end)),
  show(pcall(function() return tostring(math.huge) end)),
  show(pcall(function() return tostring(-math.huge) end)),
  show(pcall(function() return tostring(math.sqrt(-1)) end)),
  show(pcall(function() return tostring(math.log(-1)) end)),
  show(pcall(function() return tostring(math.acos(2)) end)),
  show(pcall(function() return tostring((-8)^(1/3)) end)),
  show(pcall(function() return tostring(math.fmod(1, 0)) end)),
  show(pcall(function() return tostring(math.huge - math.huge) end)),
  show(pcall(function() return tostring(0 * math.huge) end))}
--- tonumber of texts
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return tonumber('0x1p4') end)),
  show(pcall(function() return tonumber('0x.8') end)),
  show(pcall(function() return tonumber('1e') end)),
  show(pcall(function() return tonumber('1e+3') end)),
  show(pcall(function() return tonumber(' \t\n12\v\f\r ') end)),
  show(pcall(function() return tonumber('1_000') end)),
  show(pcall(function() return tonumber('010') end)),
  show(pcall(function() return tonumber('0b1') end)),
  show(pcall(function() return tonumber('nan') end)),
  show(pcall(function() return tonumber('-inf') end)),
  show(pcall(function() return tonumber('1\0 2') end)),
  show(pcall(function() return tonumber('') end)),
  show(pcall(function() return tonumber('0x') end)),
  show(pcall(function() return tonumber('.5') end)),
  show(pcall(function() return tonumber('5.') end)),
  show(pcall(function() return tonumber('.') end)),
  show(pcall(function() return tonumber('1e400') end))}
--- tonumber in a base
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return tonumber('ff', 16) end)),
  show(pcall(function() return tonumber('0xff', 16) end)),
  show(pcall(function() return tonumber('zz', 36) end)),
  show(pcall(function() return tonumber('8', 8) end)),
  show(pcall(function() return tonumber('-1', 2) end)),
  show(pcall(function() return tonumber('1.5', 10) end)),
  show(pcall(function() return tonumber('1.5', 9) end)),
  show(pcall(function() return tonumber(10, 2) end)),
  show(pcall(function() return tonumber('7fffffffffffffff', 16) end)),
  show(pcall(function() return tonumber('99999999999999999999', 16) end)),
  show(pcall(function() return tonumber('1', 1) end)),
  show(pcall(function() return tonumber('1', 37) end)),
  show(pcall(function() return tonumber({}, 16) end)),
  show(pcall(function() return tonumber({}) end)),
  show(pcall(function() return tonumber(nil) end)),
  show(pcall(function() return tonumber() end)),
  show(pcall(function() return tonumber('10', '16') end))}
--- arithmetic of texts
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return '10' + 5 end)),
  show(pcall(function() return '0x10' * 2 end)),
  show(pcall(function() return ' 7 ' - '1e1' end)),
  show(pcall(function() return -'2' end)),
  show(pcall(function() return - '0x1f' end)),
  show(pcall(function() return 10 / '4' end)),
  show(pcall(function() return '7' % '4' end)),
  show(pcall(function() return '2' ^ '0.5' end)),
  show(pcall(function() return '010' + 1 end)),
  show(pcall(function() return '1e1' .. '' end)),
  show(pcall(function() return 'inf' + 1 end))}
--- remainders
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return 5 % 3 end)),
  show(pcall(function() return -5 % 3 end)),
  show(pcall(function() return 5 % -3 end)),
  show(pcall(function() return -5 % -3 end)),
  show(pcall(function() return 5.5 % 2 end)),
  show(pcall(function() return -5.5 % 2 end)),
  show(pcall(function() return 5 % 0 end)),
  show(pcall(function() return 0 % 5 end)),
  show(pcall(function() return -4 % 2 end)),
  show(pcall(function() return 1e300 % 7 end)),
  show(pcall(function() return 5 % math.huge end)),
  show(pcall(function() return -5 % math.huge end)),
  show(pcall(function() return 2^53 % 10 end)),
  show(pcall(function() return 5.3 % 0.1 end)),
  show(pcall(function() return string.format('%.17g', 5.3 % 0.1) end))}
--- powers to the last digit
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return string.format('%.17g', 2^0.5) end)),
  show(pcall(function() return string.format('%.17g', 10^-5) end)),
  show(pcall(function() return string.format('%.17g', 1.1^10) end)),
  show(pcall(function() return string.format('%.17g', 80.450520823336618^8.6144498051936136) end)),
  show(pcall(function() return string.format('%.17g', math.exp(1)) end)),
  show(pcall(function() return string.format('%.17g', math.exp(-0.693)) end)),
  show(pcall(function() return string.format('%.17g', math.log(10)) end)),
  show(pcall(function() return string.format('%.17g', math.log10(2)) end)),
  show(pcall(function() return math.log10(1000) end)),
  show(pcall(function() return math.log10(1e-7) end)),
  show(pcall(function() return math.floor(math.log10(1e15)) end)),
  show(pcall(function() return string.format('%.17g', 0.5^(1/3)) end)),
  show(pcall(function() return 2^1023 end)),
  show(pcall(function() return 2^-1074 end)),
  show(pcall(function() return 10^308 end)),
  show(pcall(function() return (-2)^3 end)),
  show(pcall(function() return (-2)^0.5 end)),
  show(pcall(function() return 0^0 end))}
--- math functions
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return math.abs(-3) end)),
  show(pcall(function() return math.ceil(-0.5) end)),
  show(pcall(function() return math.floor(-0.5) end)),
  show(pcall(function() return math.modf(-3.25) end)),
  show(pcall(function() return math.modf(math.huge) end)),
  show(pcall(function() return math.frexp(10) end)),
  show(pcall(function() return math.frexp(0) end)),
  show(pcall(function() return math.ldexp(0.5, 5) end)),
  show(pcall(function() return math.ldexp(1, '3') end)),
  show(pcall(function() return math.max(1, 5, '3') end)),
  show(pcall(function() return math.min(2, -1) end)),
  show(pcall(function() return math.deg(math.pi) end)),
  show(pcall(function() return math.rad(180) end)),
  show(pcall(function() return math.fmod(-7, 3) end)),
  show(pcall(function() return math.mod(7, -3) end)),
  show(pcall(function() return math.atan2(1, -1) end)),
  show(pcall(function() return math.cosh(0) end)),
  show(pcall(function() return math.tanh(1) end)),
  show(pcall(function() return math.pow(2, 10) end))}
--- math functions with wrong arguments
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return math.abs() end)),
  show(pcall(function() return math.abs('x') end)),
  show(pcall(function() return math.max() end)),
  show(pcall(function() return math.max(1, {}) end)),
  show(pcall(function() return math.fmod(1) end)),
  show(pcall(function() return math.fmod() end)),
  show(pcall(function() return math.ldexp('a', 'b') end)),
  show(pcall(function() return math.random(0) end)),
  show(pcall(function() return math.random(2, 1) end)),
  show(pcall(function() return math.random(1, 2, 3) end)),
  show(pcall(function() return math.random('x') end)),
  show(pcall(function() return math.randomseed() end)),
  show(pcall(function() return math.floor(nil) end))}
--- random numbers of seeds
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return math.randomseed(0) end)),
  show(pcall(function() return math.random() end)),
  show(pcall(function() return math.random(10) end)),
  show(pcall(function() return math.random(5, 6) end)),
  show(pcall(function() return math.random(-3, 3) end)),
  show(pcall(function() return math.randomseed(2^40) end)),
  show(pcall(function() return math.random(1000000) end)),
  show(pcall(function() return math.random(-2147483648, 2147483647) end))}
--- format of integers
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return string.format('%5d|%-5d|%05d|%+d|% d', 42, 42, 42, 42, 42) end)),
  show(pcall(function() return string.format('%.3d|%8.3d|%-8.3d|%.0d|', 7, -7, 7, 0) end)),
  show(pcall(function() return string.format('%x %X %#x %#X %o %#o', 255, 255, 255, 255, 8, 8) end)),
  show(pcall(function() return string.format('%u %x %d', -1, -1, 2^63) end)),
  show(pcall(function() return string.format('%d %i', 3.99, -3.99) end)),
  show(pcall(function() return string.format('%d', '0x10') end)),
  show(pcall(function() return string.format('%d', 'x') end)),
  show(pcall(function() return string.format('%c%c%c', 72, 105, 33) end)),
  show(pcall(function() return string.format('%5c|%-5c|', 65, 66) end)),
  show(pcall(function() return string.format('[%c]', 0) end)),
  show(pcall(function() return string.format('%c', 256 + 65) end))}
--- format of fractions
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return string.format('%f %.2f %10.3f| %-10.1f| %010.2f %+.1f % .1f', 1.5, 1.005, 3.14159, 2.25, -3.5, 2, 2) end)),
  show(pcall(function() return string.format('%e %.0e %#.0e %E', 12345.678, 12345, 12345, 1e-10) end)),
  show(pcall(function() return string.format('%g %g %g %g %G %#g %.3g %.10g', 100000, 1000000, 0.0001, 0.00001, 1e-10, 1, 1234, 0.1) end)),
  show(pcall(function() return string.format('%.0f %.0f %.0f', 0.5, 1.5, 2.5) end)),
  show(pcall(function() return string.format('%.20f', 0.1) end)),
  show(pcall(function() return string.format('%5.1f|%-8g|%08g', math.huge, -math.huge, 0/0) end)),
  show(pcall(function() return string.format('%.99f', 1/3) end)),
  show(pcall(function() return string.format('%.14g %.17g', 0.1, 0.1) end))}
--- format of texts
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return string.format('%s|%5s|%-5s|%.2s|%5.1s|', 'abc', 'abc', 'abc', 'abc', 'abc') end)),
  show(pcall(function() return string.format('%s %s', 1.5, 10) end)),
  show(pcall(function() return string.format('%s', 'a\0b') end)),
  show(pcall(function() return #string.format('%s', string.rep('a\0', 60)) end)),
  show(pcall(function() return string.format('%q', 'a"b\\c\nd\re\0f') end)),
  show(pcall(function() return string.format('%05s|%+s', 'a', 'b') end)),
  show(pcall(function() return string.format('%%') end)),
  show(pcall(function() return string.format('%s', nil) end)),
  show(pcall(function() return string.format('%s', {}) end)),
  show(pcall(function() return string.format('%s', true) end)),
  show(pcall(function() return string.format('%s') end)),
  show(pcall(function() return string.format() end))}
--- formats that are none
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return string.format('%y', 1) end)),
  show(pcall(function() return string.format('%', 1) end)),
  show(pcall(function() return string.format('%') end)),
  show(pcall(function() return string.format('%5', 1) end)),
  show(pcall(function() return string.format('%123d', 1) end)),
  show(pcall(function() return string.format('%.123d', 1) end)),
  show(pcall(function() return string.format('%-+ #00d', 1) end)),
  show(pcall(function() return string.format('%ld', 1) end)),
  show(pcall(function() return string.format('%a', 1) end)),
  show(pcall(function() return string.format('%*d', 1, 2) end)),
  show(pcall(function() return string.format('%p', {}) end)),
  show(pcall(function() return string.format('%d', {}) end)),
  show(pcall(function() return ('%d'):format('x') end)),
  show(pcall(function() return ('%d'):format() end))}
--- patterns with repetitions
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return ('aaa'):find('a-') end)),
  show(pcall(function() return ('aaa'):find('a-$') end)),
  show(pcall(function() return ('aaab'):match('^(a*)(a?)b$') end)),
  show(pcall(function() return ('  trim  '):match('^%s*(.-)%s*$') end)),
  show(pcall(function() return ('key = value'):match('^(%w+)%s*=%s*(%w+)$') end)),
  show(pcall(function() return ('a**b'):find('a**') end)),
  show(pcall(function() return ('x=1, y=2'):gsub('(%w+)=(%w+)', '%2=%1') end)),
  show(pcall(function() return ('abc'):gsub('%w*', 'x') end)),
  show(pcall(function() return ('abc'):gsub('', '-') end)),
  show(pcall(function() return ('hello world'):gsub('o', '0', 1) end)),
  show(pcall(function() return ('abc'):gsub('^a', 'x') end)),
  show(pcall(function() return ('aaa'):gsub('^a', 'x') end))}
--- patterns with captures
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return ('abcabc'):match('(abc)%1') end)),
  show(pcall(function() return ('hello'):find('()ll()') end)),
  show(pcall(function() return ('abc'):gsub('(b)()', '<%1%2%0>') end)),
  show(pcall(function() return ('a'):find('()%1') end)),
  show(pcall(function() return ('a'):match('(a)%2') end)),
  show(pcall(function() return ('a'):match('(a%1)') end)),
  show(pcall(function() return ('a'):match('%0') end)),
  show(pcall(function() return ('a'):match('(') end)),
  show(pcall(function() return ('a'):match(')') end)),
  show(pcall(function() return ('a'):gsub('a', '%2') end)),
  show(pcall(function() return ('a'):gsub('a', '%') end)),
  show(pcall(function() return ('a'):gsub('a', '%x') end)),
  show(pcall(function() return (string.rep('a', 40)):match(string.rep('(a)', 33)) end))}
--- patterns with sets
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return ('a]b'):find('[]]') end)),
  show(pcall(function() return ('a^b'):find('[%^]') end)),
  show(pcall(function() return ('x-y'):match('[x-]+') end)),
  show(pcall(function() return ('abc'):match('[^a-b]') end)),
  show(pcall(function() return ('abc'):match('[%a-z]+') end)),
  show(pcall(function() return ('a\0b'):find('%z') end)),
  show(pcall(function() return ('a'):find('[') end)),
  show(pcall(function() return ('a'):find('[^') end)),
  show(pcall(function() return ('a'):find('[]') end)),
  show(pcall(function() return ('a'):find('[a%]') end)),
  show(pcall(function() return ('a'):find('%') end)),
  show(pcall(function() return ('\195\164'):find('[\195][\164]') end)),
  show(pcall(function() return ('THE (quick) fox'):find('%f[%a]%a+%f[%A]') end)),
  show(pcall(function() return ('f(a(b)c)d'):match('%b()') end)),
  show(pcall(function() return ('a'):find('%b') end)),
  show(pcall(function() return ('a'):find('%f') end)),
  show(pcall(function() return ('a'):find('%fa') end))}
--- find with positions
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return ('hello'):find('l', 4) end)),
  show(pcall(function() return ('hello'):find('l', -2) end)),
  show(pcall(function() return ('hello'):find('', 10) end)),
  show(pcall(function() return ('hello'):find('', 6) end)),
  show(pcall(function() return ('hello'):find('h', -100) end)),
  show(pcall(function() return ('a.b'):find('.', 2, true) end)),
  show(pcall(function() return ('a.b'):find('%.') end)),
  show(pcall(function() return ('hello'):find('xyz') end)),
  show(pcall(function() return ('hello'):match('l+', 4) end)),
  show(pcall(function() return ('hello'):match('h', 2) end)),
  show(pcall(function() return (''):find('') end)),
  show(pcall(function() return (''):match('.*') end))}
--- gsub with functions and tables
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return ('abc'):gsub('%w', {a = '1', b = true, c = false}) end)),
  show(pcall(function() return ('abc'):gsub('%w', {a = 5}) end)),
  show(pcall(function() return ('abc'):gsub('(a)(b)', function(x, y) return y .. x end) end)),
  show(pcall(function() return ('abc'):gsub('b', function() end) end)),
  show(pcall(function() return ('abc'):gsub('b', function() return false end) end)),
  show(pcall(function() return ('abc'):gsub('b', function() return {} end) end)),
  show(pcall(function() return ('abc'):gsub('b', function() error('no') end) end)),
  show(pcall(function() return ('abc'):gsub('b', nil) end)),
  show(pcall(function() return ('abc'):gsub('b', true) end)),
  show(pcall(function() return ('abc'):gsub('b') end)),
  show(pcall(function() return ('abc'):gsub('b', 7) end)),
  show(pcall(function() return ('a1b2'):gsub('%d', setmetatable({}, {__index = function(_, k) return '<' .. k .. '>' end})) end))}
--- sub and byte at the edges
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return ('hello'):sub(2, -2) end)),
  show(pcall(function() return ('hello'):sub(-100, 2) end)),
  show(pcall(function() return ('hello'):sub(4, 2) end)),
  show(pcall(function() return ('hello'):sub(0) end)),
  show(pcall(function() return ('hello'):sub(6) end)),
  show(pcall(function() return ('hello'):sub(2^31) end)),
  show(pcall(function() return ('hello'):sub('2', '3') end)),
  show(pcall(function() return ('hello'):sub() end)),
  show(pcall(function() return ('hello'):byte(-1) end)),
  show(pcall(function() return ('hello'):byte(10) end)),
  show(pcall(function() return ('hello'):byte(2, 4) end)),
  show(pcall(function() return ('hello'):byte(0) end)),
  show(pcall(function() return (''):byte() end)),
  show(pcall(function() return string.char() end)),
  show(pcall(function() return string.char(256) end)),
  show(pcall(function() return string.char(-1) end)),
  show(pcall(function() return string.char('65') end)),
  show(pcall(function() return string.char({}) end))}
--- rep, reverse and the cases
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return ('ab'):rep(3) end)),
  show(pcall(function() return ('ab'):rep(0) end)),
  show(pcall(function() return ('ab'):rep(-1) end)),
  show(pcall(function() return ('ab'):rep(2^32 + 2) end)),
  show(pcall(function() return ('ab'):rep('2') end)),
  show(pcall(function() return ('ab'):rep() end)),
  show(pcall(function() return ('ab'):rep({}) end)),
  show(pcall(function() return ('abc'):reverse() end)),
  show(pcall(function() return ('aÄz'):upper() end)),
  show(pcall(function() return ('AÄZ'):lower() end)),
  show(pcall(function() return (12):rep(2) end)),
  show(pcall(function() return string.rep(12, 2) end)),
  show(pcall(function() return string.len(12.5) end)),
  show(pcall(function() return string.len() end)),
  show(pcall(function() return string.len({}) end))}
--- errors name the function as it was called
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return string.rep() end)),
  show(pcall(function() return ('x'):rep({}) end)),
  show(pcall(function() return ('x').rep() end)),
  show(pcall(function() return string.format('%d', 'x') end)),
  show(pcall(function() return ('%d'):format({}) end)),
  show(pcall(function() return table.concat(1) end)),
  show(pcall(function() return (function() local f = string.rep return f({}) end)() end)),
  show(pcall(function() return select(2, pcall(string.rep)) end)),
  show(pcall(function() return (function() for k in next, 5 do end end)() end)),
  show(pcall(function() return (function() for k in pairs(nil) do end end)() end)),
  show(pcall(function() return ({string.rep})[1]() end))}
--- concat
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return table.concat({1, 2, 'x', 1.5}, '-') end)),
  show(pcall(function() return table.concat({}, '-') end)),
  show(pcall(function() return table.concat({1, 2, 3}, ',', 2) end)),
  show(pcall(function() return table.concat({1, 2, 3}, ',', 2, 3) end)),
  show(pcall(function() return table.concat({1, 2, 3}, ',', 3, 2) end)),
  show(pcall(function() return table.concat({1, {}, 3}) end)),
  show(pcall(function() return table.concat({1, 2}, ',', 1, 3) end)),
  show(pcall(function() return table.concat({1, 2}, 5) end)),
  show(pcall(function() return table.concat({1, 2}, {}) end)),
  show(pcall(function() return table.concat() end)),
  show(pcall(function() return table.concat({[0] = 'a', 'b'}, ',', 0) end))}
--- insert and remove
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return (function() local t = {1, 2, 3} table.insert(t, 2, 'x') return unpack(t) end)() end)),
  show(pcall(function() return (function() local t = {1, 2, 3} table.insert(t, 0, 'x') return t[0], unpack(t) end)() end)),
  show(pcall(function() return (function() local t = {1} table.insert(t, 2, 'x') return unpack(t) end)() end)),
  show(pcall(function() return (function() local t = {1, 2, 3} return table.remove(t, 1), unpack(t) end)() end)),
  show(pcall(function() return (function() local t = {1, 2, 3} return table.remove(t), #t end)() end)),
  show(pcall(function() return (function() local t = {1} return table.remove(t, 5), #t end)() end)),
  show(pcall(function() return select('#', table.remove({})) end)),
  show(pcall(function() return table.insert({}, 1, 2, 3) end)),
  show(pcall(function() return table.insert({}) end)),
  show(pcall(function() return table.insert(nil, 1) end)),
  show(pcall(function() return table.insert({}, 'x', 1) end)),
  show(pcall(function() return table.insert(string, 1) end)),
  show(pcall(function() return table.remove(math) end))}
--- sort keeps the order of Lua's quicksort
local t = {}
for i = 1, 60 do t[i] = {i, i * 7 % 5} end
table.sort(t, function(a, b) return a[2] < b[2] end)
for i = 1, 60 do t[i] = t[i][1] end
return t
--- sort in the opposite order
local t = {}
for i = 1, 50 do t[i] = i * 37 % 53 end
table.sort(t, function(a, b) return a > b end)
return t
--- sort of what has no order
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return table.sort({1, 'x', 2}) end)),
  show(pcall(function() return table.sort({1, 2, 3, nil, 5}, function() return true end) end)),
  show(pcall(function() return table.sort({3, 1, 2, 5, 4, 7, 6, 9, 8, 10}, function() return true end) end)),
  show(pcall(function() return table.sort({{}, {}}) end)),
  show(pcall(function() return table.sort({1, 2}, 5) end)),
  show(pcall(function() return table.sort() end)),
  show(pcall(function() return table.sort({true, false}) end)),
  show(pcall(function() return table.sort({3, 1, 2}, function(a, b) error('no') end) end))}
--- maxn, getn, setn, foreach
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return table.maxn({1, 2, 3}) end)),
  show(pcall(function() return table.maxn({[1.5] = 1, [-1] = 1}) end)),
  show(pcall(function() return table.maxn({[1e10] = 1}) end)),
  show(pcall(function() return table.maxn({}) end)),
  show(pcall(function() return table.getn({1, 2}) end)),
  show(pcall(function() return table.setn({}, 1) end)),
  show(pcall(function() return table.foreachi({5, 6, 7}, function(i, v) if v == 6 then return i end end) end)),
  show(pcall(function() return table.foreach({a = 1}, function(k, v) return k .. v end) end)),
  show(pcall(function() return table.foreach({}, print) end)),
  show(pcall(function() return table.foreach({}, nil) end)),
  show(pcall(function() return table.foreachi(1) end))}
--- select and unpack
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return select('#') end)),
  show(pcall(function() return select('#', nil, nil) end)),
  show(pcall(function() return select(2, 'a', 'b', 'c') end)),
  show(pcall(function() return select(-1, 'a', 'b', 'c') end)),
  show(pcall(function() return select(-4, 'a') end)),
  show(pcall(function() return select(0) end)),
  show(pcall(function() return select('x') end)),
  show(pcall(function() return select({}) end)),
  show(pcall(function() return select(5, 1) end)),
  show(pcall(function() return unpack({1, 2, 3}, 2) end)),
  show(pcall(function() return unpack({1, 2, 3}, 2, 3) end)),
  show(pcall(function() return unpack({1, 2}, 1, 4) end)),
  show(pcall(function() return unpack({}, 1, 0) end)),
  show(pcall(function() return select('#', unpack({}, 1, 7997)) end)),
  show(pcall(function() return unpack({}, 1, 8000) end)),
  show(pcall(function() return unpack({}, 1, 1e9) end)),
  show(pcall(function() return unpack() end)),
  show(pcall(function() return unpack({}, -2147483648, 2147483647) end))}
--- next, pairs and ipairs
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return next({}) end)),
  show(pcall(function() return next({5}) end)),
  show(pcall(function() return next({5}, 1) end)),
  show(pcall(function() return next({}, 'x') end)),
  show(pcall(function() return next({5}, 1.5) end)),
  show(pcall(function() return next() end)),
  show(pcall(function() return next({a = 1}) end)),
  show(pcall(function() return pairs() end)),
  show(pcall(function() return ipairs() end)),
  show(pcall(function() return ipairs(5) end)),
  show(pcall(function() return select('#', pairs({})) end)),
  show(pcall(function() return (pairs({})) == next end)),
  show(pcall(function() return (function() local n = 0 for k, v in pairs({1, nil, 3, x = 1}) do n = n + 1 end return n end)() end)),
  show(pcall(function() return (function() local t = {1, 2, 3, a = 1, b = 2} for k in pairs(t) do t[k] = nil end return next(t) end)() end))}
--- raw access and metatables
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return rawequal('a', 'a') end)),
  show(pcall(function() return rawequal({}, {}) end)),
  show(pcall(function() return rawequal(1) end)),
  show(pcall(function() return rawget({5}, 1) end)),
  show(pcall(function() return rawget(5, 1) end)),
  show(pcall(function() return rawget({}) end)),
  show(pcall(function() return rawset({}, nil, 1) end)),
  show(pcall(function() return rawset({}, 0/0, 1) end)),
  show(pcall(function() return rawset({}, 1) end)),
  show(pcall(function() return rawset(string, 'x', 1) end)),
  show(pcall(function() return rawset({}, 'x', 1).x end)),
  show(pcall(function() return setmetatable({}, 5) end)),
  show(pcall(function() return setmetatable({}) end)),
  show(pcall(function() return setmetatable(5, {}) end)),
  show(pcall(function() return setmetatable(setmetatable({}, {__metatable = 1}), {}) end)),
  show(pcall(function() return getmetatable(setmetatable({}, {__metatable = 'x'})) end)),
  show(pcall(function() return getmetatable({}) end)),
  show(pcall(function() return getmetatable('').__index == string end)),
  show(pcall(function() return getmetatable('').__add end)),
  show(pcall(function() return getmetatable(5) end)),
  show(pcall(function() return setmetatable(string, {}) end))}
--- assert and error
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return assert(1, 2, 3) end)),
  show(pcall(function() return assert(false) end)),
  show(pcall(function() return assert(nil, 'x') end)),
  show(pcall(function() return assert(false, 5) end)),
  show(pcall(function() return assert(false, {}) end)),
  show(pcall(function() return assert() end)),
  show(pcall(function() return error('x') end)),
  show(pcall(function() return error('x', 0) end)),
  show(pcall(function() return error('x', 2) end)),
  show(pcall(function() return error(5) end)),
  show(pcall(function() return error() end)),
  show(pcall(function() return error(nil) end)),
  show(pcall(function() return type() end)),
  show(pcall(function() return tostring() end)),
  show(pcall(function() return tostring(nil) end)),
  show(pcall(function() return tostring(true) end)),
  show(pcall(function() return tostring(setmetatable({}, {__tostring = function() return 'T' end})) end))}
--- the garbage collector
local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end
return {show(pcall(function() return collectgarbage() end)),
  show(pcall(function() return collectgarbage('collect') end)),
  show(pcall(function() return collectgarbage('stop') end)),
  show(pcall(function() return collectgarbage('restart') end)),
  show(pcall(function() return collectgarbage('x') end)),
  show(pcall(function() return collectgarbage({}) end)),
  show(pcall(function() return collectgarbage('count') > 0 end)),
  show(pcall(function() return gcinfo() > 0 end)),
  show(pcall(function() return type(collectgarbage('count')) end))}
