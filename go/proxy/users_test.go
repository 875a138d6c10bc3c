package proxy_test

import (
	"strings"
	"testing"

	"wg-bridge/go/proxy"
)

func TestUsersAreAdmittedByTheirPasswords(t *testing.T) {
	users := proxy.NewUsers()
	if users.Admit("", "") || users.Admit("alice", "") {
		t.Error("admits somebody before there are users")
	}
	file := "# who may use the proxy\n\nalice:secret\nbob:with:colon\r\ncarol: spaces \n"
	if err := users.Read(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{{"alice", "secret"}, {"bob", "with:colon"}, {"carol", " spaces "}} {
		if !users.Admit(pair[0], pair[1]) {
			t.Errorf("does not admit %s", pair[0])
		}
	}
	for _, pair := range [][2]string{
		{"alice", "with:colon"}, {"alice", ""}, {"alice", "secre"}, {"Alice", "secret"}, {"", "secret"}, {"dave", "secret"},
		{"# who may use the proxy", ""},
	} {
		if users.Admit(pair[0], pair[1]) {
			t.Errorf("admits %s with %q", pair[0], pair[1])
		}
	}
	if err := users.Read(strings.NewReader("dave:new\n")); err != nil {
		t.Fatal(err)
	}
	if users.Admit("alice", "secret") || !users.Admit("dave", "new") {
		t.Error("the users were not replaced")
	}
}

func TestAWrongFileOfUsersChangesNothing(t *testing.T) {
	users := proxy.NewUsers()
	if err := users.Read(strings.NewReader("alice:secret")); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"bob:b\nnobody\n":                      "line 2",
		":hunter2":                             "line 1",
		"bob:":                                 "line 1",
		"bob:hunter2\n\nbob:hunter3":           "line 3",
		strings.Repeat("b", 256) + ":hunter2":  "line 1",
		"bob:" + strings.Repeat("hunter2", 40): "line 1",
		"# nobody\n":                           "no user",
		strings.Repeat("hunter2", 10_000):      "reading the users",
	} {
		err := users.Read(strings.NewReader(file))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("for %.20q: %v", file, err)
		}
	}
	if !users.Admit("alice", "secret") || users.Admit("bob", "b") {
		t.Error("the users have changed")
	}
}
