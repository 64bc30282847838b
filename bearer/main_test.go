package bearer_test

import (
	"os"
	"testing"

	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
)

func TestMain(m *testing.M) {
	issuer.ReuseFactors(jwktest.Factors())
	os.Exit(m.Run())
}
