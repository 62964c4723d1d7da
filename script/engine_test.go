package script

import (
	"testing"

	"github.com/slotmesh/slotmesh/scripting"
)

// fakeHost answers every command with its arguments.
type fakeHost struct {
	stop func() error
	call func(args [][]byte, resp3 bool) []byte
	logs []string
}

func (h *fakeHost) Call(args [][]byte, resp3 bool) []byte {
	if h.call != nil {
		return h.call(args, resp3)
	}
	return []byte("+OK\r\n")
}

func (h *fakeHost) MayRun([][]byte) (bool, error) { return true, nil }

func (h *fakeHost) Log(_ scripting.Level, message string) { h.logs = append(h.logs, message) }

func (h *fakeHost) Stop() error {
	if h.stop != nil {
		return h.stop()
	}
	return nil
}

// newRun returns a run with the bounds of a node.
func newRun(keys, args []string) *scripting.Run {
	run := &scripting.Run{ID: "sha", Host: &fakeHost{}, Memory: 64 << 20, MaxReply: 64 << 20}
	for _, key := range keys {
		run.Keys = append(run.Keys, []byte(key))
	}
	for _, arg := range args {
		run.Args = append(run.Args, []byte(arg))
	}
	return run
}

func TestRun(t *testing.T) {
	engine := New(Config{})
	for _, test := range []struct{ code, want string }{
		{"return ARGV[1]", "$1\r\na\r\n"},
		{"return KEYS[2]", "$2\r\nk2\r\n"},
	} {
		program, err := engine.Compile([]byte(test.code))
		if err != nil {
			t.Fatal(err)
		}
		run := newRun([]string{"k1", "k2"}, []string{"a"})
		if program.Run(run); string(run.Reply) != test.want {
			t.Errorf("%s: %q, want %q", test.code, run.Reply, test.want)
		}
	}
}
