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
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/log"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/storage"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"github.com/sigstore/rekor/cmd/rekor-server/app"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	sequenceEvery = 100 * time.Millisecond
	batchSize     = 1000
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

// startTrillian serves a log of one empty tree on a free port of loopback, and gives where and which.
func startTrillian(ctx context.Context) (*net.TCPAddr, int64, error) {
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage:  memory.NewAdminStorage(trees),
		LogStorage:    memory.NewLogStorage(trees, monitoring.InertMetricFactory{}),
		QuotaManager:  quota.Noop(),
		MetricFactory: monitoring.InertMetricFactory{},
	}
	tree, err := storage.CreateTree(ctx, registry.AdminStorage, &trillian.Tree{
		TreeState:       trillian.TreeState_ACTIVE,
		TreeType:        trillian.TreeType_LOG,
		MaxRootDuration: durationpb.New(0),
	})
	if err != nil {
		return nil, 0, err
	}
	log.InitMetrics(registry.MetricFactory)
	logServer := server.NewTrillianLogRPCServer(registry, clock.System)
	if _, err := logServer.InitLog(ctx, &trillian.InitLogRequest{LogId: tree.TreeId}); err != nil {
		return nil, 0, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	endpoint := grpc.NewServer()
	trillian.RegisterTrillianLogServer(endpoint, logServer)
	go func() { _ = endpoint.Serve(listener) }()
	go sequence(ctx, registry, tree.TreeId)
	return listener.Addr().(*net.TCPAddr), tree.TreeId, nil
}

func sequence(ctx context.Context, registry extension.Registry, tree int64) {
	manager := log.NewSequencerManager(registry, 0)
	operation := log.OperationInfo{Registry: registry, BatchSize: batchSize, TimeSource: clock.System}
	for {
		if _, err := manager.ExecutePass(ctx, tree, &operation); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		time.Sleep(sequenceEvery)
	}
}
