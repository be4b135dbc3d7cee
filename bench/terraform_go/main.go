// The least that a provider in Go can be: go-plugin and grpc-go as every such provider has them, and nothing else.
//
// It keeps no object anywhere. What it knows of its types is in `schema.bin` and `types.json`, made by the benchmark;
// messages are read field by field, which costs less than generated code, so a real provider is slower than this.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"

	"github.com/golang/protobuf/proto"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/vmihailenco/msgpack/v5"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

//go:embed schema.bin
var schema []byte

//go:embed types.json
var typesText []byte

// Type -> attribute -> what an apply makes of it; null: a copy of `input`.
var types map[string]map[string]any

const unknown = "\xd4\x00\x00"

// isNull also of what msgpack makes of a null inside an object.
func isNull(encoded []byte) bool { return len(encoded) == 0 || encoded[0] == 0xc0 }

// raw is a message as it is on the wire.
type raw struct{ bytes []byte }

type codec struct{}

func (codec) Marshal(message any) ([]byte, error) {
	if held, ours := message.(*raw); ours {
		return held.bytes, nil
	}
	return proto.Marshal(message.(proto.Message))
}

func (codec) Unmarshal(data []byte, message any) error {
	if held, ours := message.(*raw); ours {
		held.bytes = append([]byte(nil), data...)
		return nil
	}
	return proto.Unmarshal(data, message.(proto.Message))
}

func (codec) String() string { return "proto" }

type fields map[protowire.Number][]byte

// read gives the fields that have a length; of a repeated one the last.
func read(message []byte) fields {
	found := fields{}
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return found
		}
		message = message[size:]
		if kind == protowire.BytesType {
			value, length := protowire.ConsumeBytes(message)
			if length < 0 {
				return found
			}
			found[number] = value
			message = message[length:]
		} else if length := protowire.ConsumeFieldValue(number, kind, message); length >= 0 {
			message = message[length:]
		} else {
			return found
		}
	}
	return found
}

func write(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// value is the msgpack inside a DynamicValue.
func value(dynamic []byte) []byte { return read(dynamic)[1] }

// settle replaces in an object what `choose` has another text for.
func settle(object []byte, kind string, choose func(string, map[string]msgpack.RawMessage) any) ([]byte, error) {
	var found map[string]msgpack.RawMessage
	if err := msgpack.Unmarshal(object, &found); err != nil || found == nil {
		return object, err
	}
	for name := range types[kind] {
		switch chosen := choose(name, found).(type) {
		case nil:
		case msgpack.RawMessage:
			found[name] = chosen
		default:
			encoded, err := msgpack.Marshal(chosen)
			if err != nil {
				return nil, err
			}
			found[name] = encoded
		}
	}
	return msgpack.Marshal(found)
}

func plan(request fields) ([]byte, error) {
	isNew := isNull(value(request[2]))
	return settle(value(request[3]), string(request[1]), func(name string, object map[string]msgpack.RawMessage) any {
		if isNew && isNull(object[name]) {
			return msgpack.RawMessage(unknown)
		}
		return nil
	})
}

func apply(request fields) ([]byte, error) {
	kind := string(request[1])
	return settle(value(request[3]), kind, func(name string, object map[string]msgpack.RawMessage) any {
		switch made := types[kind][name]; {
		case string(object[name]) != unknown:
			return nil
		case made == nil:
			return object["input"]
		default:
			return made
		}
	})
}

func answer(method string, request fields) ([]byte, error) {
	switch method {
	case "GetProviderSchema":
		return schema, nil
	case "UpgradeResourceState": // state.json as it is, which DynamicValue takes too
		return write(1, write(2, read(request[3])[1])), nil
	case "ReadResource":
		return write(1, request[2]), nil
	case "PlanResourceChange":
		planned, err := plan(request)
		return write(1, write(1, planned)), err
	case "ApplyResourceChange":
		made, err := apply(request)
		return write(1, write(1, made)), err
	default: // nothing to say
		return nil, nil
	}
}

var methods = []string{
	"GetProviderSchema", "GetResourceIdentitySchemas", "ValidateProviderConfig", "ValidateResourceConfig",
	"UpgradeResourceState", "ConfigureProvider", "ReadResource", "PlanResourceChange", "ApplyResourceChange", "StopProvider",
}

func service() *grpc.ServiceDesc {
	described := &grpc.ServiceDesc{ServiceName: "tfplugin6.Provider", HandlerType: (*any)(nil)}
	for _, name := range methods {
		described.Methods = append(described.Methods, grpc.MethodDesc{
			MethodName: name,
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				var request raw
				if err := decode(&request); err != nil {
					return nil, err
				}
				answered, err := answer(name, read(request.bytes))
				return &raw{answered}, err
			},
		})
	}
	return described
}

type provider struct{ plugin.NetRPCUnsupportedPlugin }

func (provider) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	server.RegisterService(service(), provider{})
	return nil
}

func (provider) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is a server")
}

func main() {
	if err := json.Unmarshal(typesText, &types); err != nil {
		panic(err)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  6,
			MagicCookieKey:   "TF_PLUGIN_MAGIC_COOKIE",
			MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		},
		VersionedPlugins: map[int]plugin.PluginSet{6: {"provider": provider{}}},
		Logger:           hclog.NewNullLogger(),
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, grpc.CustomCodec(codec{}))...)
		},
	})
}
