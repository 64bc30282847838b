//go:build race

package jwtverify_test

// Under the race detector everything takes ten times as long.
const raceEnabled = true
