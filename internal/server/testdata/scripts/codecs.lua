--- cjson: encode values
return {cjson.encode(1), cjson.encode(1.5), cjson.encode('x'), cjson.encode(true), cjson.encode(false), cjson.encode(nil), cjson.encode(cjson.null), cjson.encode({}), cjson.encode({1, 2}), cjson.encode({a = 1})}
--- cjson: encode numbers
return {cjson.encode(0.1), cjson.encode(1/3), cjson.encode(1e15), cjson.encode(1e14), cjson.encode(1e100), cjson.encode(123456789012345678), cjson.encode(2^53), cjson.encode(-5), cjson.encode(1e-7), cjson.encode(100)}
--- cjson: encode numbers that are not finite
local function try(...) return {pcall(...)} end return {try(cjson.encode, 1/0), try(cjson.encode, -1/0), try(cjson.encode, 0/0)}
--- cjson: encode texts
return {cjson.encode('a"b\\c/d'), cjson.encode('\n\r\t\b\f\0\1\31\127'), cjson.encode('äöü€'), cjson.encode('\255\254'), cjson.encode('')}
--- cjson: encode arrays with holes
local function try(...) return {pcall(...)} end return {cjson.encode({1, nil, 3}), cjson.encode({[1] = 'a', [3] = 'c'}), try(cjson.encode, {[1000] = 1})}
--- cjson: encode keys
local function try(...) return {pcall(...)} end return {cjson.encode({['a b'] = 1}), cjson.encode({[1.5] = 'x'}), try(cjson.encode, {[true] = 1}), cjson.encode({[-1] = 'x'})}
--- cjson: encode nested tables
return cjson.encode({{1, {2, {3}}}, {a = {b = {c = {}}}}, {{}}})
--- cjson: encode what cannot be
local function try(...) return {pcall(...)} end return {try(cjson.encode, function() end), try(cjson.encode, {coroutine.create(function() end)}), try(cjson.encode), try(cjson.encode, 1, 2)}
--- cjson: encode too deep
local t = {} for i = 1, 1000 do t = {t} end return {pcall(cjson.encode, t)}
--- cjson: encode a table in itself
local t = {} t[1] = t return {pcall(cjson.encode, t)}
--- cjson: decode values
return {cjson.decode('1'), cjson.decode('"x"'), cjson.decode('true'), cjson.decode('[1,2,3]'), cjson.decode('{"a":1}').a, cjson.decode('null') == cjson.null, #cjson.decode('[]'), cjson.decode(' [ 1 , 2 ] ')}
--- cjson: decode numbers
local t = {} for i, s in ipairs({'0', '-1', '1.5', '1e3', '-1E-2', '0.1', '123456789012345678', '1e400', '0x10', '.5', '5.', '01', '+1', '-', '1.5.2', 'Infinity', 'nan', '-nan', 'inf'}) do local ok, v = pcall(cjson.decode, s) t[i] = tostring(v) end return t
--- cjson: decode texts
return {cjson.decode('"a\\"b\\\\c\\/d"'), cjson.decode('"\\n\\r\\t\\b\\f"'), cjson.decode('"\\u0041\\u00e4\\u20ac"'), cjson.decode('"\\ud83d\\ude00"'), cjson.decode('"\\u0000"'), cjson.decode('"ä"')}
--- cjson: decode wrong texts
local t = {} for i, s in ipairs({'"', '"\\x"', '"\\u12"', '"\\ud83d"', '"\\ude00"', '"a\nb"', '"\1"', "'x'", '"abc'}) do t[i] = select(2, pcall(cjson.decode, s)) end return t
--- cjson: decode wrong structures
local t = {} for i, s in ipairs({'', ' ', '[', ']', '{', '[1', '[1,', '[1,]', '[1 2]', '{"a"}', '{"a":}', '{"a":1,}', '{a:1}', '{1:2}', 'tru', 'nul', 'TRUE', '1 2', '[1]x', '{"a":1}}', '[}', '// x', '\0'}) do t[i] = select(2, pcall(cjson.decode, s)) end return t
--- cjson: decode wrong arguments
local function try(...) return {pcall(...)} end return {try(cjson.decode), try(cjson.decode, nil), try(cjson.decode, {}), cjson.decode(5), try(cjson.decode, '1', '2')}
--- cjson: decode deep arrays
return {pcall(cjson.decode, string.rep('[', 1001) .. string.rep(']', 1001)), (pcall(cjson.decode, string.rep('[', 1000) .. string.rep(']', 1000)))}
--- cjson: decode null in tables
local t = cjson.decode('{"a":null,"b":[null,1]}') return {t.a == cjson.null, t.b[1] == cjson.null, t.b[2], #t.b, type(cjson.null), tostring(t.a) == tostring(cjson.null)}
--- cjson: null in a reply
return {cjson.null, 1}
--- cjson: a key twice
return cjson.decode('{"a":1,"a":2}').a
--- cjson: an empty key
return cjson.decode('{"":5}')['']
--- cjson: there and back
local function same(s) return cjson.encode(cjson.decode(s)) == s end
return {same('[1,2,[3,"x",true,false,null]]'), same('{"a":[{"b":{}}]}'), same('"\\u0001"'), same('[]'), cjson.encode(cjson.decode('[]')), cjson.encode(cjson.decode('{}'))}
--- cjson: settings
return {cjson.encode_sparse_array(), cjson.encode_max_depth(), cjson.decode_max_depth(), cjson.encode_number_precision(), cjson.encode_keep_buffer(), cjson.encode_invalid_numbers(), cjson.decode_invalid_numbers()}
--- cjson: precision
local before = cjson.encode_number_precision(3)
local r = {cjson.encode(1/3), cjson.encode(12345.678)}
cjson.encode_number_precision(14)
local function try(...) return {pcall(...)} end return {before, r, try(cjson.encode_number_precision, 0), try(cjson.encode_number_precision, 15)}
--- cjson: sparse arrays
cjson.encode_sparse_array(true)
local r = {cjson.encode({[1] = 1, [1000] = 2})}
cjson.encode_sparse_array(false, 2, 10)
return r
--- cjson: depth
cjson.encode_max_depth(2)
local r = {pcall(cjson.encode, {{{}}})}
cjson.encode_max_depth(1000)
return r
--- cjson: members
return {cjson._NAME, cjson._VERSION, type(cjson.new), type(cjson.null)}
--- cjson: new
local j = cjson.new() return {j.encode({1}), j ~= cjson}
--- cmsgpack: pack values
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
return {hex(cmsgpack.pack(1)), hex(cmsgpack.pack(-1)), hex(cmsgpack.pack(127)), hex(cmsgpack.pack(128)), hex(cmsgpack.pack(65536)), hex(cmsgpack.pack(2^32)), hex(cmsgpack.pack(-33)), hex(cmsgpack.pack(-129)), hex(cmsgpack.pack(-2^31)), hex(cmsgpack.pack(-2^40)), hex(cmsgpack.pack(1.5)), hex(cmsgpack.pack(0.1)), hex(cmsgpack.pack(1e300)), hex(cmsgpack.pack('x')), hex(cmsgpack.pack('')), hex(cmsgpack.pack(true)), hex(cmsgpack.pack(false)), hex(cmsgpack.pack(nil)), hex(cmsgpack.pack({})), hex(cmsgpack.pack({1, 2})), hex(cmsgpack.pack({a = 1}))}
--- cmsgpack: pack texts of all lengths
local t = {} for _, n in ipairs({31, 32, 255, 256, 65535, 65536}) do local s = cmsgpack.pack(string.rep('x', n)) t[#t + 1] = #s t[#t + 1] = s:byte(1) t[#t + 1] = s:byte(2) end return t
--- cmsgpack: pack arrays of all lengths
local t = {} for _, n in ipairs({15, 16, 65535, 65536}) do local a = {} for i = 1, n do a[i] = 1 end local s = cmsgpack.pack(a) t[#t + 1] = #s t[#t + 1] = s:byte(1) end return t
--- cmsgpack: pack several
local function try(...) return {pcall(...)} end return {cmsgpack.pack(1, 'x', {2}), try(cmsgpack.pack)}
--- cmsgpack: pack arrays with holes
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
return {hex(cmsgpack.pack({[1] = 1, [3] = 3})):len(), hex(cmsgpack.pack({[2] = 1})), hex(cmsgpack.pack({[1.5] = 1})), hex(cmsgpack.pack({[0] = 1}))}
--- cmsgpack: pack functions
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
return {hex(cmsgpack.pack(function() end)), hex(cmsgpack.pack({function() end}))}
--- cmsgpack: pack deep tables
local t = {} for i = 1, 30 do t = {t} end local s = cmsgpack.pack(t) return {#s, s}
--- cmsgpack: unpack
return {cmsgpack.unpack('\1'), cmsgpack.unpack('\255'), cmsgpack.unpack('\161x'), cmsgpack.unpack('\147\1\2\3'), cmsgpack.unpack('\129\161a\1').a, cmsgpack.unpack('\195'), cmsgpack.unpack('\202\63\192\0\0') == 1.5, cmsgpack.unpack('\203\63\248\0\0\0\0\0\0') == 1.5}
--- cmsgpack: unpack several
return {cmsgpack.unpack('\1\2\161x')}
--- cmsgpack: unpack wrong bytes
local function try(...) return {pcall(...)} end return {try(cmsgpack.unpack, ''), try(cmsgpack.unpack, '\161'), try(cmsgpack.unpack, '\147\1'), try(cmsgpack.unpack, '\193'), try(cmsgpack.unpack, '\217'), try(cmsgpack.unpack, {}), try(cmsgpack.unpack)}
--- cmsgpack: unpack one and limit
return {cmsgpack.unpack_one('\1\2\3'), cmsgpack.unpack_one('\1\2\3', 1), cmsgpack.unpack_limit('\1\2\3\4', 2), cmsgpack.unpack_limit('\1\2\3\4', 2, 2)}
--- cmsgpack: unpack one and limit with wrong offsets
local function try(...) return {pcall(...)} end return {try(cmsgpack.unpack_one, '\1', -1), try(cmsgpack.unpack_one, '\1', 5), try(cmsgpack.unpack_limit, '\1', -1)}
--- cmsgpack: there and back
local v = cmsgpack.unpack(cmsgpack.pack({1, 'two', {3, true, {x = 'y'}}, -5.25, 2^40, ''}))
return {v[1], v[2], v[3][1], v[3][2], v[3][3].x, tostring(v[4]), v[5], v[6]}
--- struct: pack and unpack
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
return {hex(struct.pack('>I2', 1)), hex(struct.pack('<I2', 1)), hex(struct.pack('b', -1)), hex(struct.pack('B', 255)), hex(struct.pack('h', -2)), hex(struct.pack('>i4', -3)), hex(struct.pack('>l', 4)), hex(struct.pack('>d', 1.5)), hex(struct.pack('>f', 1.5)), hex(struct.pack('s', 'abc')), hex(struct.pack('c3', 'abcdef')), hex(struct.pack('c0', 'abc')), hex(struct.pack('x')), hex(struct.pack('>bI2', 1, 2))}
--- struct: unpack
return {struct.unpack('>I2', '\1\2'), struct.unpack('<I2', '\1\2'), struct.unpack('b', '\255'), struct.unpack('B', '\255'), struct.unpack('>i4', '\255\255\255\253'), struct.unpack('s', 'abc\0def'), struct.unpack('c2', 'abcd'), struct.unpack('>Bc0', '\3abcd')}
--- struct: unpack of several with position
return {struct.unpack('>I2I2', '\0\1\0\2\0\3', 3)}
--- struct: floats
return {struct.unpack('>d', '\63\248\0\0\0\0\0\0') == 1.5, struct.unpack('<f', struct.pack('<f', 0.5)) == 0.5, tostring((struct.unpack('>f', struct.pack('>f', 0.1))))}
--- struct: size
return {struct.size('b'), struct.size('>I2i4'), struct.size('d'), struct.size('c10'), struct.size('bi'), struct.size('!8bd'), struct.size('<bd'), struct.size('')}
--- struct: alignment
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
return {hex(struct.pack('!4bi', 1, 2)), hex(struct.pack('!2>bi4', 1, 2)), hex(struct.pack('>!8bd', 1, 1))}
--- struct: wrong formats
local function try(...) return {pcall(...)} end return {try(struct.pack, 'z', 1), try(struct.pack, 'I33', 1), try(struct.size, 's'), try(struct.size, 'c0'), try(struct.pack, '!3', 1), try(struct.pack, 'i99999999999', 1)}
--- struct: wrong arguments
local function try(...) return {pcall(...)} end return {try(struct.pack, 'I2'), try(struct.pack, 'I2', 'x'), try(struct.unpack, '>I4', 'abc'), try(struct.unpack, 's', 'abc'), try(struct.unpack, 'b', 'a', 5), try(struct.unpack, 'b', 'a', 0), try(struct.pack, 'c5', 'abc'), try(struct.unpack, 'c0', 'abc')}
--- struct: numbers out of range
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
return {hex(struct.pack('B', 256)), hex(struct.pack('b', 200)), hex(struct.pack('>I2', -1)), hex(struct.pack('>i2', 70000)), hex(struct.pack('>I4', 2^32 + 5)), hex(struct.pack('>i8', -1))}
--- bit: operations
return {bit.band(12, 10), bit.bor(12, 10), bit.bxor(12, 10), bit.bnot(0), bit.lshift(1, 4), bit.rshift(256, 4), bit.arshift(-256, 4), bit.rol(0x12345678, 8), bit.ror(0x12345678, 8), bit.bswap(0x12345678), bit.tobit(2^32 + 5), bit.tobit(0xffffffff)}
--- bit: several arguments
local function try(...) return {pcall(...)} end return {bit.band(15, 7, 3), bit.bor(1, 2, 4, 8), bit.bxor(1, 1, 1), bit.band(5), try(bit.band)}
--- bit: shifts beyond the width
return {bit.lshift(1, 31), bit.lshift(1, 32), bit.lshift(1, 33), bit.rshift(-1, 31), bit.rshift(-1, 0), bit.arshift(-1, 31), bit.rol(1, 33), bit.lshift(1, -1)}
--- bit: hexadecimal
return {bit.tohex(255), bit.tohex(255, 4), bit.tohex(-1), bit.tohex(255, -4), bit.tohex(0, 0), bit.tohex(0x12345678, 3), bit.tohex(1, 100)}
--- bit: fractions and texts
return {bit.band(1.5, 3), bit.band('15', 7), bit.tobit(0.5), bit.tobit(1.5), bit.tobit(-0.5), bit.tobit(2^40 + 1), bit.tobit(-2^31 - 1)}
--- bit: wrong arguments
local function try(...) return {pcall(...)} end return {try(bit.band, 'x'), try(bit.bnot), try(bit.lshift, 1), try(bit.band, {}), try(bit.tohex)}
--- the libraries cannot be changed
cjson.encode = nil
--- fields of the libraries that are not there
return {cjson.nosuch == nil, cmsgpack.nosuch == nil, struct.nosuch == nil, bit.nosuch == nil}
