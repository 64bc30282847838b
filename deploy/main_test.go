package deploy_test

import (
	"flag"
	"os"
	"testing"

	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "8") // Suite waits for a second
	issuer.ReuseFactors(jwktest.Factors())
	os.Exit(m.Run())
}
