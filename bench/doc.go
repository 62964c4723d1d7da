// Package bench measures slotmesh beside its peers, in one run on one machine: see
// README.md for the figures and the commands. It is a module of its own so that the peers'
// dependencies stay out of the library's go.mod.
package bench
