package network_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/network"
)

// counted is a Network that counts the connections that are dialled.
type counted struct {
	network.Network
	dialled atomic.Int64
}

func (c *counted) Dial(ctx context.Context, addr string) (net.Conn, error) {
	c.dialled.Add(1)
	return c.Network.Dial(ctx, addr)
}

// A Network of the host's own wraps another one, or stands alone.
func ExampleNetwork() {
	own := &counted{Network: network.TCP{}}
	ln, err := own.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "hello")
	}()
	conn, err := own.Dial(context.Background(), ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	fmt.Printf("%s, dialled %d time\n", text, own.dialled.Load())
	// Output: hello, dialled 1 time
}
