// Package psync turns a node's stream of Ops into the commands of Redis' own replication, so
// that a stock server or tool can follow the node: it asks by SYNC or PSYNC, gets an RDB file
// and then commands. The package is a pure core: Ops and times go in, the bytes of commands
// come out. Package sender runs it on a connection.
//
// # Vocabulary
//
//   - A follower is a stock server or tool at the other end of the connection. It is no replica
//     in the words of package replication: it has no vote, and WAIT does not count it.
//   - An exact key is one that the follower has as it was at the place of the stream that the
//     translation has reached.
//   - A dirty key is one whose changes are passed over until its present value is sent as a
//     whole, by RESTORE … REPLACE or UNLINK.
//   - The floor of a key is the offset of the stream that its value was read at when it was
//     sent as a whole. It may lie ahead of the translation.
//
// # Commands
//
// Strings become SET … PXAT and SETRANGE, fields and members HSET, HDEL, SADD, SREM, ZADD and
// ZREM, expiries PEXPIREAT and PERSIST, deletions UNLINK, copies and moves of exact keys COPY
// and RENAME. All of these say absolutely what something now is. Changes of lists and
// streams, whose commands depend on what is there, and collections that were put in place
// as a whole make a key dirty; so does whatever touches a dirty key. Commands of one record
// stand between MULTI and EXEC.
//
// # Why the follower ends equal
//
//  1. A transaction is in the stream before its slot's lock is given back. A value that is
//     read under the lock, together with the stream's end, its floor, contains exactly the
//     changes of the key up to there: all before, none behind.
//  2. So after a key was sent as a whole the changes up to its floor are passed over, and
//     the first one behind it is translated: it meets the key exactly as the master had it
//     before that change. From (1) and this, by induction over the stream, each key that is
//     not dirty and whose floor has been reached is exact.
//  3. Exactness is what makes a command mean what its Op means. An HDEL takes the key with the
//     last field, as the OpDelete says that the master's stream has instead of the last
//     OpCut; an HSET never meets a key that lacks the expiry it has at the master.
//  4. The keys of the RDB file were each read at some moment between the beginning and the
//     end of the dump, and nobody remembers when. So all that changes up to the stream's end
//     at the end of the dump, Ready, makes a key dirty and is sent behind the file.
//  5. A key is dirty for a bounded time (Interval, or in proportion to its size). When the
//     writes end no key is dirty and all floors are reached: every key is exact, at the
//     end of the stream.
//
// A slot that is dropped as a whole (FLUSHALL) is FLUSHALL on a standalone node, which has but
// one; keys that were sent with a floor behind it become dirty again. In a cluster nobody
// knows any more which keys a dropped slot had, nor while keys are still without a floor:
// the follower is sent away with ErrDropped, and comes back for a new file.
//
// # What the follower shows meanwhile
//
// Each key only ever goes forward in time. Different keys may be of different moments: a
// dirty key is behind until it is sent, and may then be ahead of the others by what the
// translation has still to read. A transaction all of whose keys are exact appears at once;
// of one that touches dirty keys the parts appear apart.
//
// # What a Redis 7.0 cannot hold
//
// The expiry of a hash's field is not told: the field goes when it goes at the master.
package psync
