package guard

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func run(on func(error), fn func()) {
	defer Recover("a test", on)
	fn()
}

func TestRecover(t *testing.T) {
	var got *Panic
	on := func(err error) { got = err.(*Panic) }
	if run(on, func() {}); got != nil {
		t.Fatalf("without a panic: %v", got)
	}
	run(on, func() { panic(io.EOF) })
	if got == nil || got.Error() != "panic in a test: EOF" || !errors.Is(got, io.EOF) ||
		!strings.Contains(got.Stack, "TestRecover") {
		t.Errorf("%+v", got)
	}
	if run(on, func() { var list []int; _ = list[len(list)] }); !strings.Contains(got.Error(), "index out of range") {
		t.Errorf("%+v", got)
	}
	defer func() {
		if recover() != "on" {
			t.Error("without a handler the panic does not go on")
		}
	}()
	run(nil, func() { panic("on") })
}
