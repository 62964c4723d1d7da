// Package testcert makes certificates for tests: an authority, and what it signs.
//
//	ca := testcert.Default()
//	server := ca.Server("10.0.0.1", "node.example") // for listeners
//	client := ca.Client()                           // trusts the authority, presents nothing
//
// They are valid from 1990 to 2100: the clock of a testing/synctest bubble begins with the
// year 2000. Keys are of P-256, which takes no time to make; [Default] and what it has
// issued are made once in a process.
package testcert
