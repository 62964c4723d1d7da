package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// The secrets that are printed are good ones, and no two are the same.
func TestSecretVerb(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 {
		var out, log bytes.Buffer
		if code := run(t.Context(), []string{"secret"}, output{&out, &log}); code != exitOK || log.Len() > 0 {
			t.Fatalf("exit code %d, %s", code, &log)
		}
		secret := strings.TrimSpace(out.String())
		if _, err := slotmesh.New(slotmesh.Config{Secret: secret}); err != nil {
			t.Error(err)
		}
		if seen[secret] {
			t.Errorf("%q was printed before", secret)
		}
		seen[secret] = true
	}
}

func TestSecretOfServe(t *testing.T) {
	got := longNames([]string{"--port", "1", "--secret", "x", "--secret=y", "--secretive"})
	want := []string{"--port", "1", "--cluster-secret", "x", "--cluster-secret=y", "--secretive"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	t.Setenv(secretVar, "of the environment")
	for given, want := range map[string]string{"": "of the environment", "given": "given"} {
		if got := environmentSecret(given); got != want {
			t.Errorf("with %q given: %q, want %q", given, got, want)
		}
	}
}
