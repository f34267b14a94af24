// Command rekor is sigstore's Rekor (version 1) in one process: its own server over Trillian, whose storage is memory.
//
// It takes every argument of rekor-server but those that name Trillian's address and tree.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/sigstore/rekor/cmd/rekor-server/app"
	"mayfly.test/tools/trillian"
)

func main() {
	address, tree, err := startTrillian(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Args = append(os.Args,
		"--trillian_log_server.address", address.IP.String(),
		"--trillian_log_server.port", strconv.Itoa(address.Port),
		"--trillian_log_server.tlog_id", strconv.FormatInt(tree, 10))
	app.Execute()
}

// startTrillian serves a log on a free port of loopback, and gives where and which tree it is.
func startTrillian(ctx context.Context) (*net.TCPAddr, int64, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	tree, err := trillian.Serve(ctx, listener)
	return listener.Addr().(*net.TCPAddr), tree, err
}
