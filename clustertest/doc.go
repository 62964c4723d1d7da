// Package clustertest gives a test a real cluster: whole nodes in the test's process, on a
// network in memory that can be cut, delayed and healed. It works inside a
// testing/synctest bubble, where a failover of 15 s takes milliseconds.
//
//	func TestMine(t *testing.T) {
//		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
//		c.Node(0).Set(t.Context(), "key", []byte("value"), 0)
//		c.Kill(1)
//		c.WaitStable()
//	}
//
// # Vocabulary
//
//   - Nodes are counted from 0; the masters come first. A node may be dead: its place,
//     address and disk stay.
//   - [Cluster.Kill] is a power cut, [Cluster.Stop] an orderly end, [Cluster.Restart]
//     follows either.
//   - [Cluster.Partition], [Cluster.Pause] and [Cluster.Drop] stall what is sent, as TCP
//     does when packets are lost; [Cluster.Heal] lets it through. [Cluster.Reset] breaks
//     connections.
//   - [Cluster.Skew] makes a node's wall clock wrong.
//
// # Your own client
//
// A Redis client runs against the cluster by the addresses of [Cluster.Addrs] and a dialer:
//
//	redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs(), Dialer: c.Dial}) // go-redis
//	rueidis.NewClient(rueidis.ClientOption{InitAddress: c.Addrs(), DialCtxFn: c.DialCtx, DisableCache: true})
//	slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork()})
//
// If the cluster is [Config.Secure], Dial and DialCtx speak TLS already, so that go-redis and
// rueidis need no TLS configuration of their own; slotmesh.DialConfig is given ClientTLS, as
// is a client without such an option:
//
//	slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork(), TLS: c.ClientTLS()}
//
// rueidis needs DisableCache because a node does not answer CLIENT TRACKING yet.
//
// Libraries that run scripts take these: redsync, redislock, redis_rate, ulule/limiter,
// throttled and asynq the client of go-redis, rueidislock the options of rueidis. In fake
// time a lock ends, and a task is tried again, when it should; the nodes'
// Config.Replication.Sync = 1 keeps what a library was told when a master is killed.
//
// go-redis looks once a minute where slots are, and dials a master that died for as long
// as that, whatever the cluster does: set ClusterStateReloadInterval to a second or so in
// tests of failovers.
//
// In a testing/synctest bubble, close the client in the test itself: defer rdb.Close(). A
// bubble does not end before its goroutines, and a client that is open has some. Those
// that go on for a while after Close have a minute of fake time when the test ends.
//
// # What it checks by itself
//
// Everything is stopped when the test ends; a goroutine that a node leaves behind fails
// it. If the test failed, the story of the cluster is in its log: what the test did and
// what happened, seen by which node, when, what nodes logged from warnings on, how each
// node saw the cluster at the end, and how many messages of pub/sub the nodes have sent
// each other.
//
// # Messages
//
// What is published and heard is as fast as all else in memory. In fake time, synctest.Wait
// returns when every message has arrived:
//
//	messages := c.Node(1).Subscribe(t.Context(), "news")
//	c.Partition([]int{0}, []int{1, 2})
//	c.Node(0).Publish(t.Context(), "news", []byte("lost"))
//
// # Stability
//
// What this package exports is for the tests of others: it changes only as the rest of
// slotmesh's public API does, by addition within a major version.
package clustertest
