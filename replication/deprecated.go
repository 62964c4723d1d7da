package replication

// ErrUnknownFate is the former name of ErrAmbiguous.
//
// Deprecated: use ErrAmbiguous.
var ErrUnknownFate = ErrAmbiguous

// UnknownFateError is the former name of AmbiguousError.
//
// Deprecated: use AmbiguousError.
type UnknownFateError = AmbiguousError
