// Traffic measures what programs reach through a tunnel, for the benchmark of userspace tunnels.
//
//	traffic serve ADDRESS                          answers on ADDRESS, over TCP, UDP and HTTP
//	traffic client kernel|netstack|upstream        measures a network against a server
//	traffic send ADDRESS:PORT                      sends steady flows of datagrams, as calls and videos are
//	traffic receive ADDRESS:PORT                   says how long each of their datagrams was on its way
//	traffic relay NEAR:TO FAR:TO RATE DELAY QUEUE [SHARE LATE LOSS]
//	                                               carries datagrams between two ports of 127.0.0.1 as a slow path does:
//	                                               what arrives at one leaves by the other, for its port TO; a share
//	                                               of it later than the rest, and a share not at all
//
// Each prints "ready" once it works. A client first reads a network as a line of JSON, unless its network is the
// kernel's; then it answers a line, which says what to measure, by a line. So do send and receive.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	err := comeFirst(os.Args[1:])
	if err == nil {
		err = run(context.Background(), os.Args[1:], os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "traffic:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: traffic serve ADDRESS | client NETWORK | send TO | receive AT | relay NEAR:TO FAR:TO RATE DELAY QUEUE [SHARE LATE LOSS]")

func run(ctx context.Context, args []string, input io.Reader, output io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(ctx, args[1], output)
	case len(args) == 2 && args[0] == "client":
		return measureAll(ctx, args[1], input, output)
	case len(args) == 2 && args[0] == "send":
		return sendFlows(ctx, args[1], input, output)
	case len(args) == 2 && args[0] == "receive":
		return receiveFlows(ctx, args[1], input, output)
	case (len(args) == 6 || len(args) == 9) && args[0] == "relay":
		path, err := parsePath(args[3], args[4], args[5], args[6:]...)
		if err != nil {
			return err
		}
		return relay(ctx, [2]string{args[1], args[2]}, path, output)
	}
	return errUsage
}
