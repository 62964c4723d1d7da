// Package nodedir checks, before a node uses its files, that they are its own: no other node
// has them, and none of them was written by Redis.
package nodedir
