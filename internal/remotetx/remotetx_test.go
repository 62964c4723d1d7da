package remotetx

import (
	"bytes"
	"errors"
	"strconv"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// owner is the node that has the keys.
type owner struct {
	store *keyspace.Store
	node  string
}

var slot = slots.OfString("{a}1")

// run carries a command out as the node does.
func (o *owner) run(t *testing.T, line [][]byte) (*resp.Reply, error) {
	t.Helper()
	out := resp.Writer{RESP3: true}
	err := o.store.Update(slot, func(tx *keyspace.Tx) error {
		if string(line[0]) == ReadName {
			return Read(tx, o.node, line, &out)
		}
		return Commit(tx, o.node, line, &out)
	})
	if err != nil {
		return nil, err
	}
	reply, err := resp.Decode(out.B)
	if err != nil {
		t.Fatal(err)
	}
	return &reply, nil
}

func (o *owner) get(key string) (value string) {
	o.store.View(slot, func(tx *keyspace.Tx) error {
		e, _ := tx.Get([]byte(key))
		value = string(e.Value)
		return nil
	})
	return value
}

func (o *owner) put(t *testing.T, key, value string) {
	t.Helper()
	if err := o.store.Update(slot, func(tx *keyspace.Tx) error {
		return tx.Put([]byte(key), keyspace.String, []byte(value), 0)
	}); err != nil {
		t.Fatal(err)
	}
}

// increment adds 1 to a number and notes in another key what it was.
func increment(tx *keyspace.Tx) error {
	e, _ := tx.Get([]byte("{a}1"))
	n, _ := strconv.Atoi(string(e.Value))
	if err := tx.Put([]byte("{a}2"), keyspace.String, []byte(strconv.Itoa(n)), 0); err != nil {
		return err
	}
	return tx.Put([]byte("{a}1"), keyspace.String, []byte(strconv.Itoa(n+1)), 0)
}

// read makes a Copy of the two keys that increment touches.
func (o *owner) read(t *testing.T) *Copy {
	t.Helper()
	keys := [][]byte{[]byte("{a}1"), []byte("{a}2")}
	reply, err := o.run(t, ReadCommand(keys))
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCopy(slot, keys, reply)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newOwner(t *testing.T) *owner {
	o := &owner{store: keyspace.New(keyspace.Config{}), node: "node"}
	o.put(t, "{a}1", "41")
	return o
}

// TestCommit: what a function has done on the copy is done at the owner, unless one of
// the keys, or the owner, is another one by then.
func TestCommit(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(o *owner)
		committed int64
		want      string
	}{
		"nothing has changed":     {func(*owner) {}, 1, "42"},
		"another key changed":     {func(o *owner) { o.put(t, "{a}3", "x") }, 1, "42"},
		"a key changed":           {func(o *owner) { o.put(t, "{a}1", "7") }, 0, "7"},
		"a key came":              {func(o *owner) { o.put(t, "{a}2", "x") }, 0, "41"},
		"the owner has restarted": {func(o *owner) { o.node = "other" }, 0, "41"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOwner(t)
			commit, err := o.read(t).Run(increment)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.get("{a}1"); got != "41" {
				t.Errorf("the owner has %s before the commit", got)
			}
			c.meanwhile(o)
			reply, err := o.run(t, commit)
			if err != nil || reply.Int != c.committed {
				t.Errorf("%v, %v", reply, err)
			}
			if got := o.get("{a}1"); got != c.want {
				t.Errorf("the owner has %s", got)
			}
		})
	}
}

// TestRunWithoutCommit: a function that only reads, or fails, has nothing to commit.
func TestRunWithoutCommit(t *testing.T) {
	fails := errors.New("no")
	for _, want := range []error{nil, fails} {
		commit, err := newOwner(t).read(t).Run(func(tx *keyspace.Tx) error {
			if want != nil {
				tx.Delete([]byte("{a}1"))
			}
			return want
		})
		if commit != nil || err != want {
			t.Errorf("%q, %v", commit, err)
		}
	}
}

// TestMalformedCommit: bytes that no Copy wrote change nothing.
func TestMalformedCommit(t *testing.T) {
	o := newOwner(t)
	commit, err := o.read(t).Run(increment)
	if err != nil {
		t.Fatal(err)
	}
	other := keyspace.AppendOp(nil, &keyspace.Op{Kind: keyspace.OpDelete, Key: []byte("{a}3")})
	for name, change := range map[string]func(line [][]byte){
		"a version too few":      func(l [][]byte) { l[len(l)-2] = l[len(l)-2][8:] },
		"half an op":             func(l [][]byte) { l[len(l)-1] = l[len(l)-1][:len(l[len(l)-1])-1] },
		"a key that has no name": func(l [][]byte) { l[len(l)-1] = other },
	} {
		line := append([][]byte(nil), commit...)
		change(line)
		if _, err := o.run(t, line); err != errMalformed {
			t.Errorf("%s: %v", name, err)
		}
		if got := o.get("{a}1"); got != "41" {
			t.Errorf("%s: the owner has %s", name, got)
		}
	}
}

// TestNewCopyOfAnotherReply: a reply of the wrong shape is an error.
func TestNewCopyOfAnotherReply(t *testing.T) {
	for _, reply := range []resp.Reply{{}, {Kind: resp.Array, Elems: make([]resp.Reply, 3)}} {
		if _, err := NewCopy(slot, [][]byte{[]byte("{a}1")}, &reply); err == nil {
			t.Errorf("%v was taken", reply)
		}
	}
}

// FuzzCommit: whatever arrives, Commit returns, and an error changes nothing.
func FuzzCommit(f *testing.F) {
	f.Add("node", []byte("12345678"), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, node string, versions, ops []byte) {
		o := &owner{store: keyspace.New(keyspace.Config{}), node: "node"}
		line := [][]byte{[]byte(CommitName), []byte("{a}1"), []byte(node), versions, ops}
		if _, err := o.run(t, line); err != nil && o.get("{a}1") != "" {
			t.Errorf("%v, and keys are there", err)
		}
		if !bytes.Equal(line[1], []byte("{a}1")) {
			t.Error("the key was changed")
		}
	})
}
