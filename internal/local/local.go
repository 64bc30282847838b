// Package local has the servers that the command runs on this machine: how they listen, what
// they log and how they end.
package local

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/screen"
)

// Log is the log of a server.
func Log(w io.Writer) *log.Logger { return log.New(w, "", log.LstdFlags) }

// LogRefusal logs what the client is not told: the full reason. Path and text from the
// token are quoted; of the query, where clients put secrets, nothing is logged.
func LogRefusal(log *log.Logger, r *http.Request, rejection bearer.Rejection) {
	log.Printf("%d %s %s: %s", rejection.Status, screen.Logged(r.Method), screen.Logged(r.URL.Path), Reason(rejection.Err))
}

// Reason is the text of an error of a verification without what its status or verdict says
// already.
func Reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "bearer: ")
	text = strings.TrimPrefix(text, jwtverify.ErrInvalid.Error()+": ")
	return screen.Line(strings.TrimPrefix(text, "jwtverify: "))
}

// Listen opens the address of --listen.
func Listen(address string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("--listen is %s: want host and port, such as 127.0.0.1:8000", screen.Quoted(address))
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w; port 0 takes a free one", err)
	}
	return listener, nil
}

func IsLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// Serve runs a server until ctx ends and the requests under way are answered.
func Serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		ShutDown(server)
		return nil
	}
}

// ShutdownGrace is what a request under way may take when the server is stopped.
const ShutdownGrace = 5 * time.Second

func ShutDown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), ShutdownGrace)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
}
