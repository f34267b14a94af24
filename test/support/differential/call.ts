/** An entrance of the API that a request can be sent through. */
export type Entrance = "http-v2" | "http-v1" | "grpc-v2" | "grpc-v1";

/** A header field or a piece of gRPC metadata. */
export type HeaderField = readonly [name: string, value: string];

/** A request over HTTP/1.1; Host and Content-Length are added. */
export interface HttpCall {
  readonly kind: "http";
  readonly method: string;
  readonly path: string;
  readonly headers: readonly HeaderField[];
  readonly body?: Uint8Array;
}

/** A unary call over gRPC, by the bytes of its message. */
export interface GrpcCall {
  readonly kind: "grpc";
  /** Full name of the method, such as `/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate`. */
  readonly method: string;
  readonly metadata: readonly HeaderField[];
  readonly message: Uint8Array;
}

/** What is sent to Fulcio and to Mayfly alike. */
export type Call = HttpCall | GrpcCall;
