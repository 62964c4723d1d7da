// Package client reaches every key of a cluster, wherever it lives. A program needs no node
// for it: it dials the client ports of some nodes, of slotmesh, Redis or Valkey, and learns
// the others from them:
//
//	c, err := client.Dial(ctx, client.DialConfig{Addrs: []string{"10.0.0.1:7000"}})
//	if err != nil { … }
//	defer c.Close()
//	err = c.Set(ctx, "key", []byte("value"), time.Minute)
//
// Over TLS, Addrs are the nodes' TLS ports, and the nodes tell those of the others:
//
//	client.DialConfig{Addrs: …, User: "app", Password: secret, TLS: &tls.Config{RootCAs: pool}}
//
// # Vocabulary
//
//   - A [Router] has the operations. It sends each request to the node that serves its key,
//     follows redirects, and tries again while slots move and masters fail.
//   - A [Transport] is how a Router reaches the nodes. A [Client] has one that speaks the
//     Redis protocol; a node of package slotmesh calls the others over the cluster's bus;
//     [NewRouter] takes any other.
//   - A [Local] is a node of this process, whose keys the Router reaches by direct calls.
//   - A [Tx] is a transaction on the keys of one slot: see [Router.Update].
//
// # What an attempt means for the next one
//
// A redirect is followed, at most five times without a pause. A request that has not been
// carried out, because the cluster is down, its key is on its way to another node or the
// connection broke before the request left, is sent again after a pause. The pause grows
// from 2 to 250 ms and ends early when the map changes. If the connection breaks after the
// request left, a read is sent again, but not a write, which may have been carried out:
// [ErrAmbiguous]. Every other outcome is the caller's.
package client
