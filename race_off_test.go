//go:build !race

package jwtverify_test

const raceEnabled = false
