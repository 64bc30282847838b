package deploy_test

import (
	"os"
	"testing"

	"example.com/jwtverify/internal/issuer"
)

func TestMain(m *testing.M) {
	issuer.ReuseFactors()
	os.Exit(m.Run())
}
