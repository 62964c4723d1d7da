package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// Extension is a command that the host program adds to the table. It has keys, so it runs
// as the built-in ones do: in the transaction on their slot, after the check that this
// node may serve it.
type Extension struct {
	Name    string // letters, digits, '.', '-' and '_', at most 32 bytes, in any case
	Arity   int    // arguments with the name; -n means at least n
	First   int    // which arguments are keys: every Step-th from First to Last,
	Last    int    // where a negative Last counts from the end
	Step    int
	Write   bool // may change data
	Summary string
	// Run executes the command. args[0] is its name; they are valid until it returns. It
	// appends one reply to out, or returns an error, which undoes its writes.
	Run func(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error
}

// maxName bounds the names of an Extension.
const maxName = 32

// Validate names what is wrong with an Extension.
func (e *Extension) Validate() error {
	switch {
	case e.Name == "" || len(e.Name) > maxName || strings.IndexFunc(e.Name, notInName) >= 0:
		return fmt.Errorf("server: %q is no name for a command: use up to %d letters, digits, '.', '-' and '_'", e.Name,
			maxName)
	case builtIn.Find([]byte(e.Name)) != nil:
		return fmt.Errorf("server: command %q is built in: choose another name", e.Name)
	case e.Run == nil:
		return fmt.Errorf("server: command %q has no function", e.Name)
	case e.First < 1 || e.Step < 1 || e.Last >= 0 && e.Last < e.First:
		return fmt.Errorf("server: command %q has its keys from argument %d to %d, every %d.: the first is 1 or more, "+
			"the last not before it", e.Name, e.First, e.Last, e.Step)
	case e.Arity >= 0 && e.Arity <= e.First || -e.Arity <= e.First && e.Arity < 0:
		return fmt.Errorf("server: command %q has arity %d, but a key as argument %d: every call must name a key", e.Name,
			e.Arity, e.First)
	}
	return nil
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
}

// extensionRows returns rows of the command table.
func extensionRows(list []Extension) ([]commands.Command, error) {
	seen := make(map[string]bool)
	rows := make([]commands.Command, len(list))
	for i := range list {
		e := &list[i]
		if err := e.Validate(); err != nil {
			return nil, err
		}
		name := strings.ToLower(e.Name)
		if seen[name] {
			return nil, fmt.Errorf("server: command %q is added twice", e.Name)
		}
		seen[name] = true
		rows[i] = commands.Command{
			Name: name, Arity: e.Arity, Keys: commands.KeySpec{First: e.First, Last: e.Last, Step: e.Step},
			Group: "module", Since: "1.0.0", Summary: e.Summary,
			Flags: commands.ReadOnly, KeyFlags: "RO access",
			Tx: func(c *commands.Call, tx *keyspace.Tx) error { return e.Run(tx, c.Args, &c.Out) },
		}
		if e.Write {
			rows[i].Flags, rows[i].KeyFlags = commands.Write|commands.DenyOOM, "RW access update"
		}
	}
	return rows, nil
}

// Keys says what a command line touches.
type Keys struct {
	Positions []int // of the keys among the arguments
	Write     bool  // may change data
}

// ErrUnknownCommand is matched by Inspect's error about a command that is not there.
var ErrUnknownCommand = errors.New("unknown command")

// Inspect returns which of the arguments of a command line are keys. The error is the
// reply that the line would get.
func (s *Server) Inspect(args [][]byte) (Keys, error) {
	if len(args) == 0 {
		return Keys{}, fmt.Errorf("ERR empty command (%w)", ErrUnknownCommand)
	}
	cmd, err := s.original.Resolve(args)
	if err != nil {
		return Keys{}, err
	}
	k := Keys{Write: cmd.Has(commands.Write | commands.MayWrite)}
	if cmd.InSlot(args) {
		k.Positions = cmd.KeyPositions(args)
	}
	return k, nil
}
