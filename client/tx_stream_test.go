package client_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// TestStreamInUpdate lets two consumers work on a stream, one of which leaves its entries to
// the other, at the owner and from another node. Commands see the same.
func TestStreamInUpdate(t *testing.T) {
	const key = "{n}stream"
	fromBoth(t, key, func(t *testing.T, r *client.Router) {
		in := func(fn func(s client.Stream) error) {
			t.Helper()
			update(t, r, func(tx client.Tx) error {
				s, err := tx.Stream(key)
				if err != nil {
					return err
				}
				return fn(s)
			}, key)
		}
		in(func(s client.Stream) error {
			if _, err := s.Read("g", "c", 1); !errors.Is(err, client.ErrNoGroup) {
				t.Errorf("Read without a group: %v", err)
			}
			if _, err := s.Append("field"); !errors.Is(err, client.ErrFields) {
				t.Errorf("Append without a value: %v", err)
			}
			created, err := s.CreateGroup("g", stream.ID{})
			again, _ := s.CreateGroup("g", stream.MaxID)
			if !created || again {
				t.Errorf("CreateGroup: %v, %v", created, again)
			}
			for i := 0; i < 5 && err == nil; i++ {
				_, err = s.Append("n", fmt.Sprint(i), "text", "t")
			}
			return err
		})
		in(func(s client.Stream) error {
			ids, err1 := s.Read("g", "a", 3)
			if n := s.Acknowledge("g", ids[0], ids[0]); n != 1 {
				t.Errorf("%d acknowledged", n)
			}
			rest, err2 := s.Read("g", "b", 100)
			if len(ids) != 3 || len(rest) != 2 {
				t.Errorf("read %v, %v", ids, rest)
			}
			return errors.Join(err1, err2)
		})
		in(func(s client.Stream) error {
			var left []stream.ID
			for p := range s.Pending("g", "a") {
				left = append(left, p.ID)
			}
			n, err := s.Claim("g", "b", left...)
			if n != 2 {
				t.Errorf("%d claimed of %v", n, left)
			}
			text := ""
			for p := range s.Pending("g", "") {
				fields, _ := s.Get(p.ID)
				for field, value := range fields.All() {
					text += fmt.Sprintf("%s=%s ", field, value)
				}
				text += fmt.Sprintf("%s %d; ", p.Consumer, p.Count)
			}
			if want := "n=1 text=t b 2; n=2 text=t b 2; n=3 text=t b 1; n=4 text=t b 1; "; text != want {
				t.Errorf("pending are %s", text)
			}
			for id := range s.Down(stream.MaxID) {
				_, err = s.Delete(id)
				break
			}
			if n := s.Trim(3); n != 1 || s.Len() != 3 {
				t.Errorf("%d trimmed, %d left", n, s.Len())
			}
			return err
		})
		n, err := r.Do(t.Context(), "XLEN", key)
		pending, err2 := r.Do(t.Context(), "XPENDING", key, "g")
		if err := errors.Join(err, err2); err != nil || n != int64(3) || pending.([]any)[0] != int64(4) {
			t.Errorf("XLEN %v, XPENDING %v, %v", n, pending, err)
		}
	})
}
