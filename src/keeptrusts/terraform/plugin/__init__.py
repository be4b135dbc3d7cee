"""go-plugin's side of the wire: handshake, TLS, HTTP/2, gRPC, protobuf, msgpack."""
