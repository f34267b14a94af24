// Command ctlog is a real static-ct-api log: TesseraCT's handlers over its POSIX storage, in one folder.
//
// It takes certificates at <listen>/ct/v1/add-chain and add-pre-chain, and serves the folder beside them for monitors.
// Without a key it only serves the folder, so that its files can be edited.
package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/transparency-dev/tessera"
	tposix "github.com/transparency-dev/tessera/storage/posix"
	antispam "github.com/transparency-dev/tessera/storage/posix/antispam"
	"github.com/transparency-dev/tesseract"
	"github.com/transparency-dev/tesseract/storage"
	"github.com/transparency-dev/tesseract/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const checkpointInterval = time.Second

var (
	listen = flag.String("listen", "127.0.0.1:0", "address to listen on; the address is the first line of standard output")
	dir    = flag.String("dir", "", "folder of the log")
	origin = flag.String("origin", "", "origin of the log's checkpoints")
	key    = flag.String("key", "", "PEM file of the log's P-256 private key (PKCS #8); without it the folder is served read-only")
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
	mux := http.NewServeMux()
	mux.Handle("/", publicFiles(http.FileServer(http.Dir(*dir))))
	shutdown := func(context.Context) error { return nil }
	if *key != "" {
		submissions, end, err := openLog(ctx)
		if err != nil {
			return err
		}
		mux.Handle("/ct/v1/", submissions)
		shutdown = end
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: mux}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	end, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return shutdown(end)
}

// publicFiles hides the driver's own state and lists no folder.
func publicFiles(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.") || strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		files.ServeHTTP(w, r)
	})
}

func openLog(ctx context.Context) (http.Handler, func(context.Context) error, error) {
	signer, err := readKey(*key)
	if err != nil {
		return nil, nil, err
	}
	var shutdown func(context.Context) error
	// Its lifetime ends with shutdown, not with the signal: what was taken is still integrated.
	lifetime := context.WithoutCancel(ctx)
	create := func(_ context.Context, signer note.Signer) (*storage.CTStorage, error) {
		opened, end, err := openStorage(lifetime, signer)
		shutdown = end
		return opened, err
	}
	validation := tesseract.ChainValidationConfig{RootsPEMFile: *roots, ExtKeyUsages: "CodeSigning"}
	options := tesseract.LogHandlerOpts{DedupRL: -1, MaxCertChainBytes: 512 << 10}
	handler, err := tesseract.NewLogHandler(lifetime, *origin, signer, validation, create, 30*time.Second, false, "", options)
	return handler, shutdown, err
}

func openStorage(ctx context.Context, signer note.Signer) (*storage.CTStorage, func(context.Context) error, error) {
	driver, err := tposix.New(ctx, tposix.Config{Path: *dir})
	if err != nil {
		return nil, nil, err
	}
	duplicates, err := antispam.NewAntispam(ctx, filepath.Join(*dir, ".state", "antispam"), antispam.AntispamOpts{})
	if err != nil {
		return nil, nil, err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCTLayout().
		WithAntispam(tessera.DefaultAntispamInMemorySize, duplicates).
		WithCheckpointInterval(checkpointInterval).
		WithCheckpointRepublishInterval(time.Minute).
		WithBatching(tessera.DefaultBatchMaxSize, 100*time.Millisecond)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return nil, nil, err
	}
	issuers, err := posix.NewIssuerStorage(ctx, *dir)
	if err != nil {
		return nil, nil, err
	}
	opened, err := storage.NewCTStorage(ctx, &storage.CTStorageOptions{
		Appender:         appender,
		Reader:           reader,
		IssuerStorage:    issuers,
		EnablePubAwaiter: true,
	})
	return opened, shutdown, err
}

func readKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s is not a key that signs", path)
	}
	return signer, nil
}
