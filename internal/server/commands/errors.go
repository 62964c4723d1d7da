package commands

// ReplyError is an error reply with its code; the texts are Redis 7's (docs/spec.md §11).
type ReplyError string

func (e ReplyError) Error() string { return string(e) }

// The refusals of more than one command.
const (
	ErrSyntax        = ReplyError("ERR syntax error")
	ErrNotInt        = ReplyError("ERR value is not an integer or out of range")
	errNegative      = ReplyError("ERR value is out of range, must be positive")
	errNumKeys       = ReplyError("ERR numkeys should be greater than 0")
	errNegativeLimit = ReplyError("ERR LIMIT can't be negative")
	errNotFloat      = ReplyError("ERR value is not a valid float")
	errNaN           = ReplyError("ERR increment would produce NaN or Infinity")
	errOverflow      = ReplyError("ERR increment or decrement would overflow")
	errDecrOverflow  = ReplyError("ERR decrement would overflow")
	errWrongType     = ReplyError("WRONGTYPE Operation against a key holding the wrong kind of value")
	errNoKey         = ReplyError("ERR no such key")
	errBusyKey       = ReplyError("BUSYKEY Target key name already exists.")
	errTooLong       = ReplyError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	errOffset        = ReplyError("ERR offset is out of range")
	ErrNoCluster     = ReplyError("ERR This instance has cluster support disabled")
	errBadCursor     = ReplyError("ERR invalid cursor")
	errBadSlot       = ReplyError("ERR Invalid or out of range slot")
	ErrReplyTooBig   = ReplyError("ERR the reply exceeds the output buffer limit (client-output-buffer-limit)")

	// ErrNoReply is no reply: the command has none.
	ErrNoReply = ReplyError("silent")
)

func errExpireTime(cmd string) error {
	return ReplyError("ERR invalid expire time in '" + cmd + "' command")
}

// ErrArity refuses a number of arguments that the command's row allows, but not its form.
func ErrArity(c *Command) error {
	return ReplyError("ERR wrong number of arguments for '" + c.Name + "' command")
}

func errUnknownCommand(args [][]byte) error {
	b := []byte("ERR unknown command '")
	b = append(b, Clip(args[0], 128)...)
	b = append(b, "', with args beginning with: "...)
	start := len(b)
	for _, arg := range args[1:] {
		room := 128 - (len(b) - start)
		if room <= 0 {
			break
		}
		b = append(b, '\'')
		b = append(b, Clip(arg, room)...)
		b = append(b, "' "...)
	}
	return ReplyError(b)
}

// errUnknownSub names the command as the client did: it may have been given another name.
func errUnknownSub(cmd, name []byte) error {
	return ReplyError("ERR unknown subcommand '" + string(Clip(name, 128)) + "'. Try " + upper(string(Clip(cmd, 128))) +
		" HELP.")
}

// ErrSubArity refuses what the table lets through because some form of the subcommand
// takes as many arguments.
func ErrSubArity(args [][]byte) error {
	return ReplyError("ERR unknown subcommand or wrong number of arguments for '" + string(Clip(args[1], 128)) +
		"'. Try " + upper(string(Clip(args[0], 128))) + " HELP.")
}
