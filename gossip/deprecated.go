package gossip

// ErrNoHeir is the former name of ErrNoSuccessor.
//
// Deprecated: use ErrNoSuccessor.
var ErrNoHeir = ErrNoSuccessor

// StandingBack is the former name of Fenced.
//
// Deprecated: use Fenced.
type StandingBack = Fenced
