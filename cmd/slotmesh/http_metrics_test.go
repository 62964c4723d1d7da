package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// --http has metrics beside the page, for those who may see it.
func TestMetricsBesideThePage(t *testing.T) {
	node, err := slotmesh.New(slotmesh.Config{Standalone: true, Addr: "127.0.0.1:0",
		Clients: slotmesh.ClientConfig{Password: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	handler := httpHandler(node)
	for password, code := range map[string]int{"secret": http.StatusOK, "": http.StatusUnauthorized,
		"other": http.StatusUnauthorized} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		if password != "" {
			r.SetBasicAuth("default", password)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		shown := strings.Contains(w.Body.String(), "\nredis_up 1\n")
		if w.Code != code || shown != (code == http.StatusOK) {
			t.Errorf("with the password %q: %d, metrics %v", password, w.Code, shown)
		}
	}
}
