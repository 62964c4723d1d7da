// Package powercut is a disk in memory that fails as disks and machines do, for tests of
// what must survive that. A running process sees all that it has written. What a power cut
// leaves of it is what was synced, and of the rest what chance leaves: of bytes that were
// written some pages and not others, in any order, and an end that is torn at any byte; of
// names that were made or removed some and not others. A Sync that fails has forgotten the
// bytes, as Linux does: they can be read until the power is cut, and a further Sync
// succeeds without them. All chance comes from one seed.
package powercut
