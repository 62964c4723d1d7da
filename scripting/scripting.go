package scripting

// Engine compiles scripts of one language. It is safe for concurrent use.
type Engine interface {
	// Name names the language as FUNCTION LIST shows it, "LUA". The first line of a library,
	// "#!lua", names it in any case.
	Name() string
	// Compile compiles a script as EVAL takes it, without the line that begins with "#!", of
	// which only the line break is left. The error's text is what follows "ERR " in the reply.
	Compile(body []byte) (Program, error)
	// Load compiles a library as FUNCTION LOAD takes it, also without the text of its first
	// line, and runs it once, so that it registers its functions. The error is as for Compile.
	// Of the host only Log and Stop are called.
	Load(code []byte, host Host) (Library, error)
}

// Program is a compiled script. Several goroutines may run it at the same time.
type Program interface {
	Run(r *Run)
	// Bytes returns about how much memory the program takes up.
	Bytes() int
}

// Library is a set of functions that were loaded together. Several goroutines may run
// them at the same time.
type Library interface {
	// Functions returns the functions in the order of their names.
	Functions() []Function
	// Run calls one of the functions.
	Run(function string, r *Run)
	// Bytes returns about how much memory the library takes up.
	Bytes() int
}

// Function describes a function of a library.
type Function struct {
	Name        string
	Description string
	Flags       Flags
}

// Run is one execution of a script or a function. Neither the engine nor the node keeps
// any of it when it has ended.
type Run struct {
	// ID tells the script in texts of errors: the SHA-1 of its text in hexadecimal, or the
	// name of the function.
	ID         string
	Keys, Args [][]byte // read only
	RESP3      bool     // the protocol of the client that asked for the run
	Host       Host

	Memory   int64 // bytes that the script may hold at the same time
	MaxReply int   // bytes that Reply may get longer

	// Reply takes the result: exactly one reply is appended, in RESP3 if that field is set, an
	// error as error reply. A panic of the engine must become an error reply, too.
	Reply []byte
}

// Host is the node that runs a script. It belongs to the goroutine that does.
type Host interface {
	// Call runs a command, whose name is the first argument, and returns its reply, valid until
	// the next Call: in RESP3 if resp3 is set. An error is an error reply.
	Call(args [][]byte, resp3 bool) []byte
	// MayRun reports whether the client's user may run a command with these arguments. The
	// error says that there is no such command.
	MayRun(args [][]byte) (bool, error)
	// Log writes a line to the node's log.
	Log(level Level, message string)
	// Stop returns nil, or why the script has to end as soon as possible: then the script must
	// not be able to go on after the error. Engines ask often, so it costs next to nothing.
	Stop() error
}

// Level is how important a message for the log is; the numbers are those of redis.log.
type Level int

// Levels of Host.Log.
const (
	Debug Level = iota
	Verbose
	Notice
	Warning
)
