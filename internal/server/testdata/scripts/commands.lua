--- EVALSHA of a script that is not known
--> SCRIPT FLUSH
--> EVALSHA $sha 0
return 'not known'
--- EVALSHA after EVAL
--> SCRIPT FLUSH
--> EVAL $script 0
--> EVALSHA $sha 0
--> SCRIPT EXISTS $sha 0123456789012345678901234567890123456789
return 'known'
--- EVALSHA after SCRIPT LOAD
--> SCRIPT LOAD $script
--> EVALSHA $sha 1 k a
--> EVALSHA_RO $sha 1 k a
return {KEYS[1], ARGV[1]}
--- EVALSHA in capitals
--> SCRIPT LOAD "return 'capitals'"
--> EVALSHA 4E2F6F4A1A6D1D1E8E2C0C9D6D2D2D1D2D3D4D5D 0
--> EVALSHA abc 0
--> EVALSHA "" 0
--- EVALSHA of the SHA-1 in capitals
--> SCRIPT LOAD "return 1"
--> EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0
--> SCRIPT EXISTS E0E1F9FABFC9D4800C877A703B823AC0578FF8DB e0e1f9fabfc9d4800c877a703b823ac0578ff8db
--- SCRIPT LOAD
--> SCRIPT LOAD "return 1"
--> SCRIPT LOAD "return 1"
--> SCRIPT LOAD ""
--> SCRIPT LOAD "return +"
--> SCRIPT LOAD "#!lua\nreturn 1"
--> SCRIPT LOAD "#!lua flags=nosuch\nreturn 1"
--> SCRIPT LOAD
--> SCRIPT LOAD a b
--- SCRIPT EXISTS
--> SCRIPT FLUSH
--> SCRIPT LOAD "return 1"
--> SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db
--> SCRIPT EXISTS x y e0e1f9fabfc9d4800c877a703b823ac0578ff8db
--> SCRIPT EXISTS
--- SCRIPT FLUSH
--> SCRIPT LOAD "return 1"
--> SCRIPT FLUSH
--> SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db
--> SCRIPT FLUSH SYNC
--> SCRIPT FLUSH async
--> SCRIPT FLUSH nosuch
--> SCRIPT FLUSH SYNC SYNC
--- SCRIPT of other kinds
--> SCRIPT
--> SCRIPT NOSUCH
--> SCRIPT KILL
--> SCRIPT KILL x
--> SCRIPT DEBUG nosuch
--> SCRIPT LOAD a b c
--> EVAL
--> EVAL "return 1"
--> EVALSHA x
--> EVAL_RO "return 1"
--> EVALSHA_RO
--- numkeys that is not a number
--> EVAL $script x
--> EVAL $script ""
--> EVAL $script 1.5
--> EVAL $script " 1" k
--> EVAL $script 99999999999999999999
return 1
--- numkeys that is negative
--> EVAL $script -1
--> EVAL_RO $script -1 k
return 1
--- numkeys that is too large
--> EVAL $script 1
--> EVAL $script 2 k
--> EVAL_RO $script 3 {k}a {k}b
--> EVALSHA 0123456789012345678901234567890123456789 1
--> EVAL $script 2147483648 k
return 1
--- the keys are of several slots
--> EVAL $script 2 a b
--> EVAL_RO $script 2 a b
return 1
--- a script that does not compile
--> EVAL $script 0
--> EVAL $script 0
--> EVALSHA $sha 0
return 1 +
--- a script whose name has a line break

return 1 1
--- EVAL_RO reads
--> SET k v
--> EVAL_RO $script 1 k
return redis.call('get', KEYS[1])
--- EVAL_RO does not write
--> EVAL_RO $script 1 k
return redis.call('set', KEYS[1], 'v')
--- EVAL_RO does not write, the error is returned
--> EVAL_RO $script 1 k
return redis.pcall('set', KEYS[1], 'v')
--- EVALSHA_RO does not write
--> SCRIPT LOAD $script
--> EVALSHA_RO $sha 1 k
return redis.call('del', KEYS[1])
--- EVAL_RO of a script with flags
--> EVAL_RO $script 0
#!lua flags=no-writes
return 1
--- EVAL_RO of a script that may write by its flags
--> EVAL_RO $script 0
#!lua
return 1
--- a shebang
#!lua
return 1
--- a shebang and an error on line two
#!lua
error('here')
--- a shebang with a blank
#!lua 
return 1
--- a shebang with no writes
--> EVAL $script 1 k
#!lua flags=no-writes
return redis.call('get', KEYS[1])
--- a shebang with no writes does not write
--> EVAL $script 1 k
#!lua flags=no-writes
return redis.call('set', KEYS[1], 'v')
--- a shebang with all flags
#!lua flags=no-writes,allow-oom,allow-stale,allow-cross-slot-keys
return 1
--- a shebang with no cluster
#!lua flags=no-cluster
return 1
--- a shebang with a flag that there is not
#!lua flags=nosuch
return 1
--- a shebang with empty flags
#!lua flags=
return 1
--- a shebang with an option that there is not
#!lua nosuch=1
return 1
--- a shebang with options twice
#!lua flags=no-writes flags=allow-oom
return 1
--- a shebang of another language
#!js
return 1
--- a shebang with nothing
#!
return 1
--- a shebang with a path
#!/usr/bin/lua
return 1
--- a shebang in capitals
#!LUA
return 1
--- a shebang without line break
#!lua return 1
--- a shebang with a name
#!lua name=mine
return 1
--- a shebang keeps keys to a slot
#!lua
redis.call('set', 'a', 1)
return redis.call('set', 'b', 1)
--- a shebang keeps keys to the slot of those declared
--> EVAL $script 1 a
#!lua
return redis.call('set', 'b', 1)
--- a shebang keeps keys of one command to a slot
#!lua
return redis.call('mset', 'a', 1, 'b', 1)
--- the keys of one command are of several slots
return redis.call('mset', 'a', 1, 'b', 1)
--- MULTI with EVAL
--> MULTI
--> SET {k}a 1
--> EVAL $script 1 {k}a
--> GET {k}a
--> EXEC
return redis.call('incr', KEYS[1])
--- MULTI with EVAL that fails
--> MULTI
--> SET {k}a x
--> EVAL $script 1 {k}a
--> GET {k}a
--> EXEC
redis.call('append', KEYS[1], 'y')
return redis.call('incr', KEYS[1])
--- MULTI with EVALSHA of a script that is not known
--> MULTI
--> EVALSHA 0123456789012345678901234567890123456789 0
--> SET k v
--> EXEC
--- MULTI with SCRIPT LOAD
--> MULTI
--> SCRIPT LOAD "return 5"
--> EVALSHA 4ca238f611c9d0ae4e9a75a5dbac22aedc1e44282 0
--> EXEC
--- MULTI with a script that does not compile
--> MULTI
--> EVAL "return +" 0
--> SET k v
--> EXEC
--- MULTI with numkeys that is wrong
--> MULTI
--> EVAL "return 1" x
--> EVAL "return 1" 3 a
--> EXEC
--- MULTI with too few arguments
--> MULTI
--> EVAL "return 1"
--> EXEC
--- MULTI with EVAL_RO
--> MULTI
--> SET k v
--> EVAL_RO $script 1 k
--> EXEC
return redis.call('get', KEYS[1])
--- MULTI with setresp
--> MULTI
--> HSET k f v
--> EVAL $script 1 k
--> HGETALL k
--> EXEC
redis.setresp(3)
return redis.call('hgetall', KEYS[1])
--- WATCH of a key that a script changes
--> WATCH k
--> EVAL $script 1 k
--> MULTI
--> SET k x
--> EXEC
return redis.call('set', KEYS[1], 'v')
--- WATCH of a key that a script reads
--> WATCH k
--> EVAL $script 1 k
--> MULTI
--> SET k x
--> EXEC
return redis.call('get', KEYS[1])
--- COMMAND GETKEYS
--> COMMAND GETKEYS EVAL x 2 a b c
--> COMMAND GETKEYS EVAL x 0 a
--> COMMAND GETKEYS EVALSHA x 1 a
--> COMMAND GETKEYS EVAL_RO x 1 a
--> COMMAND GETKEYS EVAL x 3 a
--- TYPE in a script of a client with a name
--> CLIENT SETNAME me
--> EVAL $script 0
--> CLIENT SETNAME ""
return 1
--- the last error of a key is not kept
--> EVAL $script 1 k
--> GET k
redis.call('set', KEYS[1], 'before')
redis.pcall('lpush', KEYS[1], 'x')
redis.call('append', KEYS[1], '-after')
return redis.call('get', KEYS[1])
--- FLUSHALL in a script
--> SET k v
redis.call('flushall')
return redis.call('dbsize')
--- MULTI with commands whose arguments are long over
--> MULTI
--> SET {k}a abc
--> SETRANGE {k}a 1 x
--> EVAL $script 0
--> SETRANGE {k}c 2 z
--> EXEC
redis.call('mset', '{k}b', '1', '{k}c', '22')
redis.call('append', '{k}a', 'tail')
redis.call('setrange', '{k}c', 1, 'yyy')
redis.call('msetnx', '{k}d', string.rep('d', 100), '{k}e', 'e')
redis.call('hset', '{k}h', 'field', 'value')
redis.call('zadd', '{k}z', 1, 'member')
redis.call('sadd', '{k}s', 'member', 'other')
redis.call('rpush', '{k}l', 'element', 'last')
redis.call('hset', '{k}h', 'another', string.rep('h', 100))
redis.call('linsert', '{k}l', 'before', 'last', 'between')
redis.call('set', '{k}f', 'x', 'ex', 1000)
redis.call('rename', '{k}e', '{k}g')
redis.call('copy', '{k}g', '{k}i')
return redis.call('expire', '{k}b', 1000)
