package jwk

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"example.com/jwtverify/internal/quote"
)

// relined restores the line ends of PEM. Variables, templates and forms turn them into
// \n as two characters, into spaces, or remove them. Indentation, as in YAML, is
// removed.
func relined(text string) string {
	text = strings.NewReplacer(`\r`, "\n", `\n`, "\n", "\r", "\n").Replace(text)
	const dashes = "-----"
	var out strings.Builder
	behindBoundary := true
	parts := strings.Split(text, dashes)
	for i, part := range parts {
		isBoundary := strings.HasPrefix(part, "BEGIN ") || strings.HasPrefix(part, "END ")
		if isBoundary && !strings.Contains(part, "\n") && i+1 < len(parts) {
			out.WriteString("\n" + dashes + part + dashes + "\n")
			behindBoundary = true
			continue
		}
		if behindBoundary {
			part = strings.TrimLeft(part, " \t\n")
		} else {
			out.WriteString(dashes)
		}
		for line := range strings.Lines(part) {
			out.WriteString(strings.TrimLeft(line, " \t"))
		}
		behindBoundary = false
	}
	return out.String()
}

// parsePEM reads every block of a PEM file (RFC 7468).
func parsePEM(text string) (*Set, error) {
	// pem.Decode skips a block that is damaged or has no end. But a file that is
	// half written must not lose keys silently.
	begins := strings.Count(text, "-----BEGIN")
	if begins > MaxKeys { // before the first is decoded, since Decode may read past all of them
		return nil, fmt.Errorf("has more than %d keys", MaxKeys)
	}
	set, data := &Set{Thumbprints: true}, []byte(text)
	for index := range begins {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("has %d PEM blocks, of which %d can be read: the file is cut off or damaged", begins, index)
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, errors.New("holds a private key: keep only the public half here, and replace the key if this file was readable by others")
		}
		pub, reason := fromPEM(block)
		key := Key{Reason: reason}
		if reason == "" {
			key = Key{Names: Names{ID: Thumbprint(pub)}, Public: pub}
		}
		set.Keys = append(set.Keys, key)
	}
	return set, nil
}

func fromPEM(block *pem.Block) (pub *rsa.PublicKey, reason string) {
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	default:
		return nil, fmt.Sprintf("the PEM block is %s, want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE", quote.Text(block.Type, 64))
	}
	if err != nil {
		return nil, fmt.Sprintf("the PEM block %s cannot be parsed: %v", block.Type, err)
	}
	pub, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Sprintf("the key in the PEM block %s is not RSA", block.Type)
	}
	if reason := Unfit(pub.N, int64(pub.E)); reason != "" {
		return nil, reason
	}
	return pub, ""
}
