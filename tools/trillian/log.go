// Package trillian is a whole Trillian in one process, with storage in memory: what a personality needs beside itself.
package trillian

import (
	"context"
	"fmt"
	"net"
	"os"
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
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	sequenceEvery = 100 * time.Millisecond
	batchSize     = 1000
)

// Serve answers for a log of one empty tree on listener, and sequences it, until ctx is done. It gives the tree.
func Serve(ctx context.Context, listener net.Listener) (int64, error) {
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
		return 0, err
	}
	log.InitMetrics(registry.MetricFactory)
	logServer := server.NewTrillianLogRPCServer(registry, clock.System)
	if _, err := logServer.InitLog(ctx, &trillian.InitLogRequest{LogId: tree.TreeId}); err != nil {
		return 0, err
	}
	endpoint := grpc.NewServer()
	trillian.RegisterTrillianLogServer(endpoint, logServer)
	go func() { _ = endpoint.Serve(listener) }()
	go sequence(ctx, registry, tree.TreeId)
	return tree.TreeId, nil
}

func sequence(ctx context.Context, registry extension.Registry, tree int64) {
	manager := log.NewSequencerManager(registry, 0)
	operation := log.OperationInfo{Registry: registry, BatchSize: batchSize, TimeSource: clock.System}
	for ctx.Err() == nil {
		if _, err := manager.ExecutePass(ctx, tree, &operation); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
		}
		time.Sleep(sequenceEvery)
	}
}
