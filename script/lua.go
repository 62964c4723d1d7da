package script

import lua "github.com/yuin/gopher-lua"

// version is what _VERSION says in a script.
const version = lua.LuaVersion
