package providers_test

import (
	"net"
	"net/http"
	"sync"
	"testing"
)

// serve runs a handler on loopback at a port, 0 for a free one, until it is stopped.
func serve(t *testing.T, port string, handler func(address string) http.Handler) (address string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	address = "http://" + listener.Addr().String()
	server := &http.Server{Handler: handler(address)}
	var done sync.WaitGroup
	done.Go(func() { server.Serve(listener) })
	return address, func() {
		server.Close()
		done.Wait()
	}
}
