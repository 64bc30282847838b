package issuertest_test

import (
	"flag"
	"os"
	"testing"

	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
)

func TestMain(m *testing.M) {
	issuer.ReuseFactors(jwktest.Factors())
	flag.Set("test.parallel", "16") // many tests wait: for an answer that hangs, for Retry-After, for an issuer
	os.Exit(m.Run())
}
