package resp_test

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// A server that turns a client away says why and closes the connection, before it has read
// anything: the client hears it although its command cannot be sent any more.
func TestLastWords(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		want  error
	}{
		"why":     {"-DENIED no\r\n", resp.Error("DENIED no")},
		"nothing": {"", syscall.EPIPE},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				ln, err := n.Host("10.0.0.1").Listen("10.0.0.1:7000")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				conn, err := n.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:7000")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				far, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(far, c.words)
				far.Close()
				if _, err := resp.NewConn(conn).Do("PING"); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}
