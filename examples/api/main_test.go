package main

import (
	"testing"

	"example.com/jwtverify/issuertest"
)

func TestAPI(t *testing.T) {
	iss := issuertest.New(t)
	iss.Suite(t, newAPI(iss.Verifier()), "GET /protected")
}
