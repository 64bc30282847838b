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
	flag.Set("test.parallel", "8") // many tests wait: for an answer that hangs, or for Retry-After
	os.Exit(m.Run())
}
