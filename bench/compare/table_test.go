package main

import "testing"

func TestReplaceSection(t *testing.T) {
	page := "a\n<!-- compare one -->\nold\n<!-- end -->\nb\n<!-- compare two -->\n<!-- end -->\n"
	got, err := replaceSection([]byte(page), "one", "new\n")
	if want := "a\n<!-- compare one -->\nnew\n<!-- end -->\nb\n<!-- compare two -->\n<!-- end -->\n"; err != nil ||
		string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	got, err = replaceSection(got, "two", "more\n")
	if want := "a\n<!-- compare one -->\nnew\n<!-- end -->\nb\n<!-- compare two -->\nmore\n<!-- end -->\n"; err != nil ||
		string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "<!-- compare one -->\nno end"} {
		if _, err := replaceSection([]byte(bad), "one", ""); err == nil {
			t.Errorf("no error about %q", bad)
		}
	}
}
