// Package migrate moves slots between masters, live.
package migrate
