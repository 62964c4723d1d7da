package keyspace

// BigValue is the former name of LargeValue.
//
// Deprecated: use LargeValue.
const BigValue = LargeValue
