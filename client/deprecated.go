package client

import "time"

// The former names of methods. They stay for one release.

// Reading is the former name of WithReadPreference.
//
// Deprecated: use WithReadPreference.
func (r *Router) Reading(from ReadPreference) *Router { return r.WithReadPreference(from) }

// Within is the former name of WithMaxStaleness.
//
// Deprecated: use WithMaxStaleness.
func (r *Router) Within(bound time.Duration) *Router { return r.WithMaxStaleness(bound) }
