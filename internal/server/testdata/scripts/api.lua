--- the members of redis
local t = {}
for k, v in pairs(redis) do t[#t + 1] = k .. ': ' .. type(v) end
table.sort(t)
return t
--- the version
return {redis.REDIS_VERSION, redis.REDIS_VERSION_NUM}
--- the constants
return {redis.REPL_ALL, redis.REPL_NONE, redis.REPL_SLAVE, redis.REPL_REPLICA, redis.REPL_AOF,
  redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING}
--- sha1hex
return {redis.sha1hex(''), redis.sha1hex('abc'), redis.sha1hex(string.rep('x', 1000)), redis.sha1hex('\0')}
--- sha1hex of a number
return {redis.sha1hex(1), redis.sha1hex(1.5), redis.sha1hex('1')}
--- sha1hex of what is no text
return {redis.sha1hex({}), redis.sha1hex(nil), redis.sha1hex(true), redis.sha1hex(pairs)}
--- sha1hex without argument
return redis.sha1hex()
--- sha1hex with two arguments
return redis.sha1hex('a', 'b')
--- error_reply
return redis.error_reply('MYERR some text')
--- error_reply without code
return redis.error_reply('oops')
--- error_reply with a dash
return redis.error_reply('-MYERR some text')
--- error_reply with a dash and no code
return redis.error_reply('-oops')
--- error_reply with line breaks
return redis.error_reply('ERR \r\na\r\nb\r\n')
--- error_reply, empty
return redis.error_reply('')
--- error_reply with two dashes
return redis.error_reply('--x y')
--- error_reply with two blanks
return redis.error_reply('ERR  x')
--- error_reply with a blank in front
return redis.error_reply(' x')
--- error_reply with a zero byte
return redis.error_reply('ERR a\0b')
--- error_reply is a table
return {redis.error_reply('a').err, redis.error_reply('A b').err, redis.error_reply('-A b').err, redis.error_reply('').err}
--- error_reply has only a text
local t = {} for k, v in pairs(redis.error_reply('A b')) do t[#t + 1] = k end return t
--- error_reply without argument
return redis.error_reply()
--- error_reply with two arguments
return redis.error_reply('a', 'b')
--- error_reply of a number
return redis.error_reply(1)
--- status_reply
return redis.status_reply('FINE')
--- status_reply with line breaks
return redis.status_reply('a\r\nb')
--- status_reply is a table
return {redis.status_reply('x').ok, redis.status_reply('').ok}
--- status_reply without argument
return redis.status_reply()
--- status_reply with two arguments
return redis.status_reply('a', 'b')
--- status_reply of a number
return redis.status_reply(1)
--- log
return {redis.log(redis.LOG_DEBUG, 'text')}
--- log of several values
return {redis.log(redis.LOG_DEBUG, 'text', 1, nil, {}, 'x')}
--- log with a level that is a text
return {redis.log('0', 'text')}
--- log with a fraction as level
return {redis.log(0.9, 'text')}
--- log without arguments
return redis.log()
--- log without text
return redis.log(1)
--- log with a level that is no number
return redis.log('x', 'text')
--- log with nil as level
return redis.log(nil, 'text')
--- log with a level that is too high
return redis.log(4, 'text')
--- log with a level that is too low
return redis.log(-1, 'text')
--- setresp
return {redis.setresp(3), redis.setresp(2)}
--- setresp without argument
return redis.setresp()
--- setresp with two arguments
return redis.setresp(2, 3)
--- setresp of another version
return redis.setresp(4)
--- setresp of a text
return {redis.setresp('3'), redis.setresp(3.9), redis.setresp('0x2')}
--- setresp of no number
return redis.setresp('x')
--- setresp of a table
return redis.setresp({})
--- set_repl
return {redis.set_repl(redis.REPL_ALL), redis.set_repl(redis.REPL_NONE), redis.set_repl(redis.REPL_AOF), redis.set_repl(redis.REPL_REPLICA)}
--- set_repl without argument
return redis.set_repl()
--- set_repl with two arguments
return redis.set_repl(1, 2)
--- set_repl with other flags
return redis.set_repl(4)
--- set_repl with a negative number
return redis.set_repl(-1)
--- set_repl with a text
return {redis.set_repl('x'), redis.set_repl('3'), redis.set_repl(1.5)}
--- set_repl lets the writes pass
redis.set_repl(redis.REPL_ALL)
redis.call('set', 'k', 'v')
return redis.call('get', 'k')
--- breakpoint
return {redis.breakpoint() == false, redis.breakpoint(1, 2)}
--- debug
return {redis.debug('a', {}), select('#', redis.debug('x'))}
--- replicate_commands
return {redis.replicate_commands(), redis.replicate_commands() == true}
--- acl_check_cmd
return {redis.acl_check_cmd('get', 'k'), redis.acl_check_cmd('GET'), redis.acl_check_cmd('client', 'list'), redis.acl_check_cmd('client')}
--- acl_check_cmd of no command
return redis.acl_check_cmd('nosuch')
--- acl_check_cmd of no subcommand
return redis.acl_check_cmd('client', 'nosuch')
--- acl_check_cmd of a name with a bar
return redis.acl_check_cmd('client|list')
--- acl_check_cmd without argument
return redis.acl_check_cmd()
--- acl_check_cmd of a table
return redis.acl_check_cmd('get', {})
--- acl_check_cmd of a user who may not
--> ACL SETUSER guest reset on nopass +get +eval ~a*
--> AUTH guest x
--> EVAL $script 0
--> AUTH default x
--> ACL DELUSER guest
return {redis.acl_check_cmd('get', 'abc'), redis.acl_check_cmd('get', 'bcd'), redis.acl_check_cmd('set', 'abc', 1)}
--- acl_check_cmd with too few arguments of a user who may not
--> ACL SETUSER guest reset on nopass +get +mget +eval ~a*
--> AUTH guest x
--> EVAL $script 0
--> AUTH default x
--> ACL DELUSER guest
return {redis.acl_check_cmd('get'), redis.acl_check_cmd('set'), redis.acl_check_cmd('mget'), redis.acl_check_cmd('mset', 'a')}
--- a user who may not call a command
--> ACL SETUSER guest reset on nopass +get +eval ~a*
--> AUTH guest x
--> EVAL $script 0
--> AUTH default x
--> ACL DELUSER guest
return redis.call('set', 'abc', 1)
--- a user who may not use a key
--> ACL SETUSER guest reset on nopass +get +eval ~a*
--> AUTH guest x
--> EVAL $script 0
--> AUTH default x
--> ACL DELUSER guest
return redis.call('get', 'bcd')
--- a user who may not run scripts
--> ACL SETUSER guest reset on nopass +get ~a*
--> AUTH guest x
--> EVAL $script 0
--> AUTH default x
--> ACL DELUSER guest
return 1
--- numbers as arguments
local list = {}
for i, n in ipairs({1, -1, 0, 1.5, 0.1, 1e15, 1e16, 1e17, 1e20, 123456789012345678, 1e-5, 1/3, 1/0, -1/0, 2^53, 3.0}) do
  redis.call('rpush', 'k', n)
end
return redis.call('lrange', 'k', 0, -1)
--- not a number as argument
return redis.call('echo', 0/0)
--- numbers as names of commands
return redis.call(12)
--- the name of a command in capitals
return {redis.call('SET', 'k', 'v'), redis.call('GeT', 'k')}
--- arguments of any bytes
redis.call('set', 'k', '\0\r\n\255')
return {redis.call('get', 'k'), redis.call('strlen', 'k')}
--- a long argument
redis.call('set', 'k', string.rep('x', 100000))
return redis.call('strlen', 'k')
--- many arguments
local t = {}
for i = 1, 5000 do t[i] = i end
redis.call('rpush', 'k', unpack(t))
return {redis.call('llen', 'k'), redis.call('lindex', 'k', -1)}
--- a reply is not changed by the next call
redis.call('rpush', 'k', 'a', 'b')
local a = redis.call('lrange', 'k', 0, -1)
local b = redis.call('lrange', 'k', -1, -1)
redis.call('set', 'k2{k}', 'x')
return {a, b}
--- redis cannot be changed
redis.call = 1
--- redis cannot get a field
redis.mine = 1
--- redis cannot get a field by rawset
rawset(redis, 'mine', 1)
--- redis cannot get a metatable
setmetatable(redis, {})
--- functions of redis can be kept
local get, set = redis.call, redis.pcall
set('set', 'k', 'v')
return get('get', 'k')
--- redis.call by pcall
return {pcall(redis.call, 'set', 'k', 'v')}
--- redis.call by pcall fails
return {pcall(redis.call, 'set', 'k')}
--- redis.call by pcall fails with a text
local ok, e = pcall(redis.call, 'set', 'k')
return {ok, type(e), e}
--- redis.call by xpcall fails with a table
local ok, e = xpcall(function() return redis.call('set', 'k') end, function(e) return {type(e), e.err, e.ignore_error_stats_update} end)
return {ok, e}
--- redis.pcall gives a table
local e = redis.pcall('set', 'k')
return {type(e), e.err, e.ignore_error_stats_update}
--- redis.pcall without arguments gives a table
local e = redis.pcall()
return {type(e), e.err, e.ignore_error_stats_update == nil}
--- redis.call in a coroutine
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(redis.call('incr', 'k')) end end)
return {co(), co(), co()}
--- redis.call in a metamethod
local t = setmetatable({}, {__index = function(t, k) return redis.call('get', k) end, __newindex = function(t, k, v) redis.call('set', k, v) end})
t.k = 'v'
return {t.k, t['{k}2'] == false}
--- redis.call in a function of gsub
redis.call('mset', '{k}a', '1', '{k}b', '2')
return (string.gsub('a-b-c', '%w', function(x) return redis.call('get', '{k}' .. x) end))
--- redis.call in a comparison of sort
redis.call('mset', '{k}a', 3, '{k}b', 1, '{k}c', 2)
local t = {'a', 'b', 'c'}
table.sort(t, function(a, b) return redis.call('get', '{k}' .. a) < redis.call('get', '{k}' .. b) end)
return t
--- negative zero as argument
return redis.call('echo', -0)
