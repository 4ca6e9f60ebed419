package main

import (
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/spf13/cobra"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// apiServerCommand is kube-apiserver with one flag more: --outside-fd, a listening socket it inherits.
// A socket belongs to the network namespace it was made in, so one server answers inside the sandbox on
// its secure port and outside on the host's loopback, without a relay in between.
func apiServerCommand() *cobra.Command {
	serverOptions := options.NewServerRunOptions()
	var outsideFD int
	ctx := genericapiserver.SetupSignalContext()
	command := &cobra.Command{
		Use:          "kube-apiserver",
		SilenceUsage: true,
		Args:         cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			rest.SetDefaultWarningHandler(rest.NoWarnings{})
			return serverOptions.GenericServerRunOptions.ComponentGlobalsRegistry.Set()
		},
		RunE: func(*cobra.Command, []string) error {
			if outsideFD >= 0 {
				secure := serverOptions.SecureServing
				inside := net.JoinHostPort(secure.BindAddress.String(), fmt.Sprint(secure.BindPort))
				listener, err := listenTwice(inside, outsideFD)
				if err != nil {
					return err
				}
				secure.Listener = listener
			}
			completed, err := serverOptions.Complete(ctx)
			if err != nil {
				return err
			}
			if problems := completed.Validate(); len(problems) != 0 {
				return utilerrors.NewAggregate(problems)
			}
			return app.Run(ctx, completed)
		},
	}
	command.SetContext(ctx)
	sets := serverOptions.Flags()
	globalflag.AddGlobalFlags(sets.FlagSet("global"), command.Name(), logs.SkipLoggingConfigurationFlags())
	for _, set := range sets.FlagSets {
		command.Flags().AddFlagSet(set)
	}
	command.Flags().IntVar(&outsideFD, "outside-fd", -1, "inherited listening socket to serve on as well")
	return command
}

// twoListeners accepts from two listeners and is addressed as the first.
type twoListeners struct {
	net.Listener
	outside  net.Listener
	accepted chan accepted
	closed   chan struct{}
	close    sync.Once
}

type accepted struct {
	connection net.Conn
	err        error
}

func listenTwice(inside string, outsideFD int) (net.Listener, error) {
	first, err := net.Listen("tcp", inside)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(outsideFD), "outside")
	second, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is no listening socket: %w", outsideFD, err)
	}
	_ = file.Close()
	both := &twoListeners{Listener: first, outside: second, accepted: make(chan accepted), closed: make(chan struct{})}
	go both.acceptFrom(first)
	go both.acceptFrom(second)
	return both, nil
}

func (l *twoListeners) acceptFrom(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		select {
		case l.accepted <- accepted{connection, err}:
			if err != nil {
				return
			}
		case <-l.closed:
			if err == nil {
				_ = connection.Close()
			}
			return
		}
	}
}

func (l *twoListeners) Accept() (net.Conn, error) {
	select {
	case next := <-l.accepted:
		return next.connection, next.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *twoListeners) Close() error {
	l.close.Do(func() { close(l.closed) })
	outsideErr := l.outside.Close()
	if err := l.Listener.Close(); err != nil {
		return err
	}
	return outsideErr
}
