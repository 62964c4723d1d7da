// Package compat holds programs that were written against former names of the API, as
// tests: they compile, and do what they did, for as long as those names are kept (see
// CHANGELOG.md). It has no code of its own.
package compat
