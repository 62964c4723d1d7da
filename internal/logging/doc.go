// Package logging brings what a node logs, through hclog, to a file that may be rotated or
// to a slog.Logger.
package logging
