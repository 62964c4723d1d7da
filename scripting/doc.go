// Package scripting is what a node and an engine of scripts ask of each other. A node
// knows commands, keys and slots; the engine knows a language. Package script has the
// engine for Lua, with which EVAL and FUNCTION work as in Redis; a host that wants another
// language implements [Engine].
//
// What passes between the two are bytes: command lines to the node, replies in the Redis
// protocol back (RESP2 and RESP3, https://redis.io/docs/reference/protocol-spec). So the
// engine converts replies once, by one set of rules, and this package depends on nothing.
package scripting
