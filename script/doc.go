// Package script is the engine of scripts in Lua 5.1: with it a node answers EVAL and
// FUNCTION as Redis 7.0 does.
//
//	node, err := slotmesh.New(slotmesh.Config{Scripts: script.New(script.Config{})})
//
// # Functions
//
// A library that FUNCTION LOAD brings runs once in each interpreter that calls one of its
// functions, as scripts on different slots run in parallel. So the local variables of a
// library, outside of its functions, are one set for each interpreter, and not one for the
// node as in Redis; and what they hold is forgotten with the interpreter, or when it has
// become more than a few megabytes. What functions are to remember belongs into keys.
//
// # Bounds
//
// A script cannot catch what ends it: that the host wants it to stop, of which the
// interpreter learns every few hundred instructions, or that it holds more memory than it
// may, which is measured from what the script can reach and may be passed by an eighth for
// a moment. Calls nest as deep as in Redis, 20,000 and 200 of them through functions that
// are not written in Lua. The compiler refuses expressions of more than 1,000 operators in
// a row, and functions with more than about 11,000 constants, since it would take too long.
//
// # Differences
//
// A metamethod that is no function is ignored, where Lua tries to call it. pairs, cjson and
// cmsgpack give the fields of a table in the order in which they were added. A table whose
// largest integer key is n is an array of n elements, so keys in the millions take up what
// that array does; and # of an array with holes may be another border than Lua's. cjson's
// settings last for one script. string.dump is not there, and math.random, without
// randomseed, is not the same in each script.
//
// The node lets a script use keys of one slot, also one that declares
// allow-cross-slot-keys, and, once it has used a key, no commands that need all slots
// (FLUSHALL, SCAN).
//
// # Interpreter
//
// The interpreter is github.com/yuin/gopher-lua, with a parser of this package: that of the
// library has other texts of errors and no bound of its depth. The engine looks at every
// instruction before it runs, for which it reads the library's own structures; New compares
// them with those that it was written for, and panics with another version of the library
// than 1.1.2 if they differ. A program that does not import this package does not link it.
package script
