package keyspace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// waitTest is a store on whose keys of slot 0 clients wait. A value is a string, of which
// a waiter takes the first byte; a key without bytes left is gone.
type waitTest struct {
	t     *testing.T
	store *Store
	log   []string // of the Sink, and of what waiters got
	now   int64    // Unix milliseconds
}

func newWaitTest(t *testing.T) *waitTest {
	w := &waitTest{t: t, now: 1}
	w.store = New(Config{Sink: w, Now: func() time.Time { return time.UnixMilli(w.now) }})
	return w
}

func (w *waitTest) Commit(_ slots.Slot, ops []Op) {
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "%s %s=%s ", op.Kind, op.Key, op.Value)
	}
	w.log = append(w.log, strings.TrimSpace(b.String()))
}

// waiter returns a waiter that takes one byte and calls then.
func (w *waitTest) waiter(name string, then func(tx *Tx) error) *Waiter {
	got := ""
	waiter := &Waiter{Type: String}
	waiter.Serve = func(tx *Tx, key []byte) (bool, error) {
		e, ok := tx.Get(key)
		if !ok {
			w.t.Errorf("%s is served from %s, which is not there", name, key)
		}
		got = fmt.Sprintf("%s gets %c of %s", name, e.Value[0], key)
		if len(e.Value) == 1 {
			tx.Delete(key)
		} else if err := tx.Put(key, String, slices.Clone(e.Value[1:]), 0); err != nil {
			return false, err
		}
		if then != nil {
			return true, then(tx)
		}
		return true, nil
	}
	waiter.Wake = func() {
		if waiter.Err() != nil {
			got = name + ": " + waiter.Err().Error()
		}
		w.log = append(w.log, got)
	}
	return waiter
}

func (w *waitTest) wait(name string, keys ...string) *Waiter {
	waiter := w.waiter(name, nil)
	w.enter(waiter, keys...)
	return waiter
}

func (w *waitTest) enter(waiter *Waiter, keys ...string) {
	w.update(func(tx *Tx) error {
		var list [][]byte
		for _, k := range keys {
			list = append(list, []byte(k))
		}
		tx.Wait(waiter, list)
		return nil
	})
}

func (w *waitTest) update(fn func(tx *Tx) error) {
	w.t.Helper()
	if err := w.store.Update(0, fn); err != nil {
		w.t.Fatal(err)
	}
}

// put stores pairs in one transaction.
func (w *waitTest) put(pairs ...string) {
	w.t.Helper()
	w.update(func(tx *Tx) error { return putPairs(tx, pairs...) })
}

func putPairs(tx *Tx, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := tx.Put([]byte(pairs[i]), String, []byte(pairs[i+1]), 0); err != nil {
			return err
		}
	}
	return nil
}

// expect compares what has happened since the last call.
func (w *waitTest) expect(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.log, want) {
		w.t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(w.log, "\n\t"), strings.Join(want, "\n\t"))
	}
	w.log = nil
}

// idle fails the test if anything is left of the waiters.
func (w *waitTest) idle() {
	w.t.Helper()
	t := w.store.lock(0)
	defer w.store.unlock(0)
	if n := w.store.waiting.count.Load(); n != 0 || t.waiters != nil {
		w.t.Errorf("%d waiters are left, %v", n, t.waiters)
	}
}

func TestWaitersAreServedInOrder(t *testing.T) {
	w := newWaitTest(t)
	w.wait("first", "k", "other", "k")
	w.wait("second", "k")
	w.wait("third", "k")
	w.put("unrelated", "x")
	w.expect("put unrelated=x")
	w.put("k", "ab")
	w.expect("put k=ab", "put k=b", "delete k=", "first gets a of k", "second gets b of k")
	w.put("k", "cd")
	w.expect("put k=cd", "put k=d", "third gets c of k")
	w.put("other", "x")
	w.expect("put other=x")
	w.idle()
}

// TestReadyKeysAreServedInTheirOrder: as in Redis, the key that got its value first comes
// first, whatever order the waiter names the keys in, and a transaction is seen as a whole.
func TestReadyKeysAreServedInTheirOrder(t *testing.T) {
	w := newWaitTest(t)
	w.wait("one", "a", "b")
	w.wait("two", "a", "b")
	w.put("b", "1", "a", "2", "b", "3")
	w.expect("put b=1 put a=2 put b=3", "delete b=", "delete a=", "one gets 3 of b", "two gets 2 of a")
	w.wait("one", "a")
	w.update(func(tx *Tx) error {
		tx.Put([]byte("a"), String, []byte("x"), 0)
		tx.Delete([]byte("a"))
		return nil
	})
	w.expect("put a=x delete a=")
	w.put("a", "x")
	w.expect("put a=x", "delete a=", "one gets x of a")
	w.idle()
}

// TestServedWaiterServesOthers: what a served waiter writes serves further ones, in a chain.
func TestServedWaiterServesOthers(t *testing.T) {
	w := newWaitTest(t)
	move := func(to string) func(tx *Tx) error {
		return func(tx *Tx) error { return tx.Put([]byte(to), String, []byte("m"), 0) }
	}
	w.enter(w.waiter("a to b", move("b")), "a")
	w.enter(w.waiter("b to a", move("a")), "b")
	w.wait("last", "a")
	w.put("a", "1")
	w.expect("put a=1", "delete a= put b=m", "delete b= put a=m", "delete a=",
		"a to b gets 1 of a", "b to a gets m of b", "last gets m of a")
	w.idle()
}

func TestWaiterOfAnotherType(t *testing.T) {
	w := newWaitTest(t)
	list := w.waiter("list", nil)
	list.Type = List
	w.enter(list, "k")
	w.wait("string", "k")
	w.put("k", "ab")
	w.expect("put k=ab", "put k=b", "string gets a of k")
	w.put("k", "c")
	w.expect("put k=c")
	if !w.store.Cancel(list) || w.store.Cancel(list) {
		t.Error("Cancel of the waiter that is left must succeed once")
	}
	w.idle()
}

// TestFailedServe: an error or a panic of Serve ends that wait alone, and takes nothing.
func TestFailedServe(t *testing.T) {
	w := newWaitTest(t)
	w.enter(w.waiter("error", func(*Tx) error { return errors.New("wrong destination") }), "k")
	w.enter(w.waiter("panic", func(*Tx) error { panic("a bug") }), "k")
	stays := w.waiter("", nil)
	stays.Serve = func(tx *Tx, key []byte) (bool, error) { tx.Delete(key); return false, nil }
	w.enter(stays, "k")
	w.wait("good", "k")
	w.put("k", "a")
	w.expect("put k=a", "delete k=", "error: wrong destination", "panic: keyspace: serving a waiter panicked: a bug",
		"good gets a of k")
	if !w.store.Cancel(stays) {
		t.Error("a waiter whose Serve found nothing does not wait any more")
	}
	w.idle()
}

// TestWaitNeedsItsTransaction: a transaction that fails makes nobody wait and serves nobody.
func TestWaitNeedsItsTransaction(t *testing.T) {
	w := newWaitTest(t)
	failed := errors.New("failed")
	err := w.store.Update(0, func(tx *Tx) error {
		tx.Wait(w.waiter("nobody", nil), [][]byte{[]byte("k")})
		return failed
	})
	if err != failed {
		t.Fatal(err)
	}
	w.idle()
	waiter := w.wait("waiter", "k")
	func() {
		defer func() { recover() }()
		w.store.Update(0, func(tx *Tx) error {
			tx.Put([]byte("k"), String, []byte("v"), 0)
			panic("a bug of the writer")
		})
	}()
	w.expect()
	if !w.store.Cancel(waiter) {
		t.Error("the waiter is gone")
	}
	w.put("k", "v")
	w.expect("put k=v")
	w.idle()
}

// TestWaitAgain: what comes without a transaction, and a change of the slot, make the
// client's command run again; it keeps its place.
func TestWaitAgain(t *testing.T) {
	w := newWaitTest(t)
	first := w.wait("first", "k", "l")
	w.wait("second", "k")
	again := ": " + ErrWaitAgain.Error()
	arrive := func(key string) {
		op := Op{Kind: OpPut, Key: []byte(key), Value: []byte("v"), Version: 9}
		if _, err := w.store.Import([]Op{op}, false, func() bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
	arrive("l")
	w.expect("put l=v", "first"+again)
	w.enter(first, "k")
	w.put("k", "ab")
	w.expect("put k=ab", "put k=b", "delete k=", "first gets a of k", "second gets b of k")

	w.wait("third", "k", "m")
	set := slots.NewSet(0)
	w.store.WakeWaiters(&set)
	w.expect("third" + again)
	w.wait("fourth", "k")
	if err := w.store.Apply(Op{Kind: OpPut, Key: []byte("k"), Value: []byte("v"), Version: 99}); err != nil {
		t.Fatal(err)
	}
	w.expect("fourth" + again)
	w.idle()
}

// TestPassiveStoreServesNobody: there the master decides.
func TestPassiveStoreServesNobody(t *testing.T) {
	w := newWaitTest(t)
	waiter := w.wait("waiter", "k")
	w.store.SetPassive(true)
	w.put("k", "v")
	w.expect("put k=v")
	if !w.store.Cancel(waiter) {
		t.Error("the waiter is gone")
	}
	w.idle()
}
