// Command ctfe is a real RFC 6962 log: certificate-transparency-go's front end over Trillian, whose storage is memory.
//
// It answers all of RFC 6962 section 4 at <listen>/<prefix>/ct/v1/.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/certificate-transparency-go/trillian/ctfe"
	"github.com/google/certificate-transparency-go/trillian/ctfe/configpb"
	"github.com/google/trillian"
	"github.com/google/trillian/crypto/keys"
	"github.com/google/trillian/crypto/keys/pem"
	"github.com/google/trillian/crypto/keyspb"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/log"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/storage"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	sequenceEvery = 100 * time.Millisecond
	batchSize     = 1000
)

var (
	listen = flag.String("listen", "127.0.0.1:0", "address to listen on; the address is the first line of standard output")
	prefix = flag.String("prefix", "log", "path of the log")
	key    = flag.String("key", "", "PEM file of the log's P-256 private key (PKCS #8)")
	roots  = flag.String("roots", "", "PEM file of the accepted roots")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	client, tree, err := openTrillian(ctx)
	if err != nil {
		return err
	}
	handlers, err := openFrontEnd(ctx, client, tree)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for path, handler := range handlers {
		mux.Handle(path, handler)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	front := &http.Server{Handler: mux}
	go func() {
		<-ctx.Done()
		_ = front.Close()
	}()
	if err := front.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// openTrillian starts Trillian's log server and sequencer over storage in memory, with one empty tree.
func openTrillian(ctx context.Context) (trillian.TrillianLogClient, *trillian.Tree, error) {
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
		return nil, nil, err
	}
	log.InitMetrics(registry.MetricFactory)
	link := bufconn.Listen(1 << 20)
	logServer := grpc.NewServer()
	trillian.RegisterTrillianLogServer(logServer, server.NewTrillianLogRPCServer(registry, clock.System))
	go func() { _ = logServer.Serve(link) }()
	connection, err := grpc.NewClient("passthrough:trillian",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return link.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	client := trillian.NewTrillianLogClient(connection)
	if _, err := client.InitLog(ctx, &trillian.InitLogRequest{LogId: tree.TreeId}); err != nil {
		return nil, nil, err
	}
	go sequence(ctx, registry, tree.TreeId)
	return client, tree, nil
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

func openFrontEnd(ctx context.Context, client trillian.TrillianLogClient, tree *trillian.Tree) (ctfe.PathHandlers, error) {
	keys.RegisterHandler(&keyspb.PEMKeyFile{}, pem.FromProto)
	private, err := anypb.New(&keyspb.PEMKeyFile{Path: *key})
	if err != nil {
		return nil, err
	}
	config, err := ctfe.ValidateLogConfig(&configpb.LogConfig{
		LogId:            tree.TreeId,
		Prefix:           *prefix,
		RootsPemFile:     []string{*roots},
		PrivateKey:       private,
		ExtKeyUsages:     []string{"CodeSigning"},
		MaxMergeDelaySec: 86400,
	})
	if err != nil {
		return nil, err
	}
	instance, err := ctfe.SetUpInstance(ctx, ctfe.InstanceOptions{
		Validated:     config,
		Client:        client,
		Deadline:      10 * time.Second,
		MetricFactory: monitoring.InertMetricFactory{},
		RequestLog:    new(ctfe.DefaultRequestLog),
	})
	if err != nil {
		return nil, err
	}
	return instance.Handlers, nil
}
