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
//	centrifuge                  broker (sharded or not), history in lists, presence
//	psrpc                       requests, and messages to all who have joined
//
// BullMQ does not run: each of its scripts writes a stream.
package interop
