// Package interop drives slotmesh with the clients and tools of Redis Cluster, unchanged:
// what they may rely on is what its tests show. It is a module of its own so that the
// clients' dependencies stay out of the library's go.mod.
//
// The libraries below run scripts on three masters and three replicas, all at once, while
// slots of theirs move and a master is killed. Where a write waits for a replica
// (slotmesh-sync-replicas 1), they keep their promises across that.
//
//	redsync, redislock, rueidislock   a lock has one holder
//	redis_rate, ulule/limiter,        a call that was allowed is counted
//	throttled (goredisstore)
//	asynq                             no task is lost, none processed twice
//	rmq                               no delivery is lost
//	gocraft/work                      no job is lost; its namespace is a hash tag
//
// Clients that are told what they did not ask for run on three masters and three replicas,
// too; numbered messages go on while slots move and a master is killed.
//
//	go-redis, redigo, ioredis   messages by name and by pattern, sharded ones, events of keys
//	rueidis, rueidislock        client-side caching by tracking, their default
//	asynq                       cancels tasks
//	centrifuge                  broker (sharded or not), history in streams or lists, presence
//	psrpc                       requests, and messages to all who have joined
//
// Consumers of streams run on three masters and three replicas, too, with 10,000 messages of
// each and more, while slots of their streams move and a master is killed. Where a write waits
// for a replica, what was acknowledged to its producer is handled at least once.
//
//	watermill (redisstream)   a group's consumers, which claim by XPENDING and XCLAIM what one
//	                          of them left
//	rueidis                   a group by hand: XREADGROUP of two streams, XDEL, XACK, XAUTOCLAIM;
//	                          no entry stays behind
//	go-redis                  XREAD brings each entry, in the order of the IDs
//	BullMQ                    jobs (delayed, by priority, tried again), flows, a job that repeats,
//	                          events; the prefix is a hash tag. What else its queues, workers and
//	                          relays offer is called once
//
// BullMQ's scripts use keys that they do not declare: one that runs while its slot moves may
// fail, as with Redis, and its caller is told.
//
// The page of package status is looked at in a headless Chromium: three masters and three
// replicas while slots move and a master is killed, and a thousand nodes, in windows of
// several sizes, light and dark. SLOTMESH_SCREENSHOTS names a folder for pictures of it.
//
// ioredis and BullMQ need Node.js. Their versions are in testdata/package.json.
package interop
