package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/slots"
)

// oneNode is a Transport of another kind: a cluster of one node, which is a map.
type oneNode struct{ keys map[string]string }

func (n *oneNode) Owner(slots.Slot) (client.Endpoint, bool) { return client.Endpoint{}, true }
func (n *oneNode) Replicas(slots.Slot) []client.Endpoint    { return nil }
func (n *oneNode) Masters() []client.Endpoint               { return []client.Endpoint{{}} }
func (n *oneNode) Learn(*slots.MovedError)                  {}
func (n *oneNode) Refresh(context.Context) error            { return nil }
func (n *oneNode) Changed() <-chan struct{}                 { return nil }
func (n *oneNode) Explain(slots.Slot) string                { return "" }
func (n *oneNode) Done() <-chan struct{}                    { return nil }

func (n *oneNode) Inspect(context.Context, [][]byte) (keys []int, write bool, err error) {
	return nil, false, errors.New("only GET and SET are known")
}

func (n *oneNode) Send(_ context.Context, _ client.Endpoint, r *client.Request) (client.Reply, error) {
	switch command := string(r.Args[0]); command {
	case "GET":
		value, ok := n.keys[string(r.Args[1])]
		if !ok {
			return client.Reply{}, nil // null
		}
		return client.DecodeReply(fmt.Appendf(nil, "$%d\r\n%s\r\n", len(value), value))
	case "SET":
		n.keys[string(r.Args[1])] = string(r.Args[2])
		return client.DecodeReply([]byte("+OK\r\n"))
	default:
		return client.Reply{}, client.ParseError("ERR unknown command '" + command + "'")
	}
}

// A Router reaches nodes by any Transport.
func ExampleNewRouter() {
	ctx := context.Background()
	r := client.NewRouter(&oneNode{keys: make(map[string]string)}, nil)
	fmt.Println(r.Set(ctx, "greeting", []byte("hello"), 0))
	value, err := r.Get(ctx, "greeting")
	fmt.Println(string(value), err)
	_, err = r.Get(ctx, "farewell")
	fmt.Println(err)
	_, err = r.TTL(ctx, "greeting")
	fmt.Println(err)
	// Output:
	// <nil>
	// hello <nil>
	// slotmesh: key not found
	// ERR unknown command 'PTTL'
}
