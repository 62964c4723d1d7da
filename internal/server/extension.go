package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
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
	case commands.find([]byte(e.Name)) != nil:
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

// extend makes the server's own rows of the command table.
func (s *Server) extend(list []Extension) error {
	seen := make(map[string]bool)
	for i := range list {
		e := &list[i]
		if err := e.Validate(); err != nil {
			return err
		}
		name := strings.ToLower(e.Name)
		if seen[name] {
			return fmt.Errorf("server: command %q is added twice", e.Name)
		}
		if s.commands.find([]byte(name)) != nil {
			return fmt.Errorf("server: command %q has the name that another command was given: choose another", e.Name)
		}
		seen[name] = true
		c := &command{
			name: name, arity: e.Arity, keys: keySpec{e.First, e.Last, e.Step}, group: "module", since: "1.0.0",
			summary: e.Summary,
			flags:   flagReadOnly, access: "RO access", id: len(allCommands) + i,
			tx: func(s *session, tx *keyspace.Tx) error { return e.Run(tx, s.args, &s.out) },
		}
		if e.Write {
			c.flags, c.access = flagWrite|flagDenyOOM, "RW access update"
		}
		s.extra = append(s.extra, c)
	}
	if len(s.extra) > 0 {
		s.extraSet = newCommandSet(s.extra)
	}
	return nil
}

// find finds a command by the name that clients give it, in any case.
func (s *Server) find(name []byte) *command { return s.findIn(s.commands, name) }

// findIn finds a command of set, or of the host's.
func (s *Server) findIn(set *commandSet, name []byte) *command {
	if c := set.find(name); c != nil || s.extraSet == nil {
		return c
	}
	return s.extraSet.find(name)
}

// topLevel returns the commands in table order, the host's last.
func (s *Server) topLevel() []*command { return s.with(s.served) }

// everything is topLevel with subcommands.
func (s *Server) everything() []*command { return s.with(allCommands) }

func (s *Server) with(list []*command) []*command {
	if len(s.extra) == 0 {
		return list
	}
	return append(list[:len(list):len(list)], s.extra...)
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
	cmd, err := s.resolve(commands, args)
	if err != nil {
		return Keys{}, err
	}
	var k Keys
	k.Write = cmd.has(flagWrite)
	if cmd.tx == nil {
		return k, nil
	}
	last := cmd.keys.last
	if last < 0 {
		last += len(args)
	}
	for i := cmd.keys.first; i <= last && i < len(args); i += cmd.keys.step {
		k.Positions = append(k.Positions, i)
	}
	return k, nil
}
