module mayfly.test/tools/judge

go 1.26.0

require github.com/google/certificate-transparency-go v1.4.0

require (
	github.com/go-logr/logr v1.4.3 // indirect
	github.com/transparency-dev/merkle v0.0.2 // indirect
	golang.org/x/crypto v0.48.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
	k8s.io/klog/v2 v2.130.1 // indirect
)
