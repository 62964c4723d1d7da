package gossip

import "github.com/slotmesh/slotmesh/slots"

// Type tells what a message is for.
type Type uint8

const (
	TypePing      Type = 1 // a heartbeat that asks for a Pong
	TypePong      Type = 2 // its answer
	TypeMeet      Type = 3 // asks to be a member; the only word of a stranger that is trusted
	TypeRefuse    Type = 4 // answers a Meet that must not be, with the Reason
	TypeNews      Type = 5 // Records that are new to the sender, or were asked for; ids it Wants
	TypeSummary   Type = 6 // one Entry for each record of the sender, to find where two views differ
	TypeSuspect   Type = 7 // a heartbeat without answer, sent at once when Suspects changed
	TypeFail      Type = 8 // Subject is down: a majority of the masters agreed (docs/spec.md §3.4)
	TypeForgotten Type = 9 // tells a node that it was forgotten, in which Gen

	TypeVoteRequest Type = 10 // a replica asks for a vote in Epoch to succeed Subject (docs/spec.md §6.5)
	TypeVote        Type = 11 // grants it, in the epoch ConfigEpoch
	TypeDeny        Type = 12 // does not
	TypePause       Type = 13 // a replica asks its master to pause writes (docs/spec.md §6.7)
	TypePaused      Type = 14 // the master has, at Offset
	TypeResume      Type = 15 // the replica called it off
	TypeHandOver    Type = 16 // a master that is about to end asks its replica to take over

	TypeCede Type = 17 // the sender gave Slots to the receiver, which may claim them

	TypePrepare    Type = 18 // asks for a vote in the epoch ConfigEpoch for a change of the electorate
	TypePromise    Type = 19 // gives it; Voters is what the sender has accepted before
	TypeAccept     Type = 20 // asks to accept Voters as the next electorate; Forced: it was accepted by another before
	TypeAccepted   Type = 21 // does
	TypeElectorate Type = 22 // tells Voters, the electorate that was agreed on

	TypeOutcome   Type = 23 // asks a candidate what became of its election in ConfigEpoch
	TypeWithdrawn Type = 24 // answers that it did not win that election, and will not

	typeCount = 32 // more types may come; the unknown ones are counted and ignored
)

// String returns the name used in counters and logs.
func (t Type) String() string {
	if name := typeNames[t%typeCount]; name != "" && t < typeCount {
		return name
	}
	return "unknown"
}

var typeNames = [typeCount]string{
	TypePing: "ping", TypePong: "pong", TypeMeet: "meet", TypeRefuse: "refuse", TypeNews: "news", TypeSummary: "summary",
	TypeSuspect: "suspect", TypeFail: "fail", TypeForgotten: "forgotten",
	TypeVoteRequest: "vote-request", TypeVote: "vote", TypeDeny: "deny", TypePause: "pause", TypePaused: "paused",
	TypeResume: "resume", TypeHandOver: "hand-over", TypeCede: "cede",
	TypePrepare: "prepare", TypePromise: "promise", TypeAccept: "accept", TypeAccepted: "accepted",
	TypeElectorate: "electorate", TypeOutcome: "outcome", TypeWithdrawn: "withdrawn",
}

// Message is what nodes say to each other. The first group of fields is in every message;
// the others are left out of the encoding where they are zero.
type Message struct {
	Type        Type
	Cluster     ClusterID
	Sender      slots.NodeID
	Gen         uint64 // of the sender's membership, see Record
	Incarnation uint64
	Epoch       uint64 // the sender's currentEpoch (docs/spec.md §4.1)
	Digest      uint64 // of the sender's view: the XOR of its records' hashes
	Served      bool   // the cluster has served clients at some time

	Electors uint64 // the version of the electorate that the sender knows

	Offset   uint64         // of the sender's Data, as the next two. Paused: where the data ends
	Term     uint64         // …
	Missing  bool           // …
	Suspects []slots.NodeID // nodes that are PFAIL or FAIL to the sender

	Self    *Record      // the sender's own record, in the first message on a link
	Join    *Join        // in Meet and the Pong that answers it
	You     string       // the host under which the sender sees the receiver
	Records []Record     // News. VoteRequest with Fenced: of the master
	Summary []Entry      // Summary
	Want    []uint64     // News: prefixes of the ids whose records the sender asks for
	Subject slots.NodeID // Fail: the node that is down. VoteRequest: the master whose slots the candidate will claim
	Reason  string       // Refuse: plain English

	ConfigEpoch uint64     // VoteRequest: of the master to succeed. Vote, Deny: the epoch asked for
	Slots       *slots.Set // VoteRequest: what the candidate will claim. Cede: what is given away
	Forced      bool       // VoteRequest: by command, whether the master works or not
	Fenced      bool       // VoteRequest: the master has not failed, it is fenced, as its record in Records says
	Electorate  uint64     // VoteRequest, Vote, changes: a hash of the voters that the sender knows

	Voters    *Electorate  // Prepare, Promise, Accept, Electorate
	Undecided []Undecided  // Vote: elections whose outcome the voter does not know
	Owners    []OwnerEpoch // Vote: the masters with slots that the voter knows, if its view is not the candidate's
}

// OwnerEpoch tells the config epoch of a master with slots.
type OwnerEpoch struct {
	Node  uint64 // the first 8 bytes of the id
	Epoch uint64
}

// Join is what two strangers must know of each other's clusters to decide whether they
// may become one.
type Join struct {
	Established bool      // the cluster has, or once had, at least two members
	Slots       slots.Set // all slots that have an owner in it
	Member      bool      // the sender counts the receiver among its members already
}

// Entry stands for one record in a Summary: which node, which version.
type Entry struct {
	Node uint64 // the first 8 bytes of the id
	Hash uint64 // of the record's version
}
