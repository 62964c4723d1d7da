// Package clustertest gives a test a real cluster: whole nodes in the test's process, on a
// network in memory that can be cut, delayed and healed. It works inside a
// testing/synctest bubble, where a failover of 15 s takes milliseconds.
//
//	func TestMine(t *testing.T) {
//		c := clustertest.Start(t, clustertest.Config{Masters: 3})
//		c.Node(0).Set(t.Context(), "key", []byte("value"), 0)
//	}
//
// Everything is stopped when the test ends. If the test failed, the story of
// the cluster is in its log: what happened, seen by which node, when.
package clustertest
