// Package archtest holds the architecture to its word. Its tests read the
// source of every package and compare imports with two tables (law_test.go),
// sizes with budgets, and calls with what only some packages may do.
package archtest
