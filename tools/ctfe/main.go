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
	"github.com/google/trillian/monitoring"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/anypb"
	memorytrillian "mayfly.test/tools/trillian"
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

// openTrillian starts Trillian with one empty tree, and connects to it within the process.
func openTrillian(ctx context.Context) (trillian.TrillianLogClient, int64, error) {
	link := bufconn.Listen(1 << 20)
	tree, err := memorytrillian.Serve(ctx, link)
	if err != nil {
		return nil, 0, err
	}
	connection, err := grpc.NewClient("passthrough:trillian",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return link.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, 0, err
	}
	return trillian.NewTrillianLogClient(connection), tree, nil
}

func openFrontEnd(ctx context.Context, client trillian.TrillianLogClient, tree int64) (ctfe.PathHandlers, error) {
	keys.RegisterHandler(&keyspb.PEMKeyFile{}, pem.FromProto)
	private, err := anypb.New(&keyspb.PEMKeyFile{Path: *key})
	if err != nil {
		return nil, err
	}
	config, err := ctfe.ValidateLogConfig(&configpb.LogConfig{
		LogId:            tree,
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
