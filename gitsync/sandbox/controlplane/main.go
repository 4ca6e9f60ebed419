// Command controlplane is a whole Kubernetes control plane in one file: etcd, kube-apiserver,
// kube-controller-manager and kubectl, linked from their Go modules. It runs the part named by its own
// file name (a symbolic link) or, under any other name, by its first argument.
//
// Only the wiring lives here: every flag after the part's name is the part's own. etcd alone takes a
// shorter flag set, because a sandbox has one member that listens on one address and may lose the last
// second of its data when the machine loses power. A fifth part, certificates, makes the keys of the others.
package main

import (
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

var parts = map[string]func(){
	"etcd":                    func() { os.Exit(cli.Run(etcdCommand())) },
	"kube-apiserver":          func() { os.Exit(cli.Run(apiServerCommand())) },
	"kube-controller-manager": func() { os.Exit(cli.Run(controllermanager.NewControllerManagerCommand())) },
	"kubectl":                 runKubectl,
	"certificates":            func() { os.Exit(cli.Run(certificatesCommand())) },
}

func main() {
	name := filepath.Base(os.Args[0])
	if _, known := parts[name]; !known && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = slices.Delete(os.Args, 1, 2)
	}
	run, known := parts[name]
	if !known {
		fmt.Fprintln(os.Stderr, "usage: controlplane etcd|kube-apiserver|kube-controller-manager|kubectl|certificates [FLAGS]")
		os.Exit(2)
	}
	run()
}

func runKubectl() {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}

func etcdCommand() *cobra.Command {
	var dataDir, client, peer string
	command := &cobra.Command{
		Use:          "etcd",
		Short:        "one etcd member that does not wait for the disk",
		SilenceUsage: true,
		Args:         cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return serveEtcd(dataDir, client, peer)
		},
	}
	flags := command.Flags()
	flags.StringVar(&dataDir, "data-dir", "", "directory of the data")
	flags.StringVar(&client, "listen-client-url", "http://127.0.0.1:2379", "address for clients")
	flags.StringVar(&peer, "listen-peer-url", "http://127.0.0.1:2380", "address for the member itself")
	_ = command.MarkFlagRequired("data-dir")
	return command
}

func serveEtcd(dataDir, client, peer string) error {
	clientURL, err := url.Parse(client)
	if err != nil {
		return err
	}
	peerURL, err := url.Parse(peer)
	if err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Name = "sandbox"
	config.Dir = dataDir
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	config.LogOutputs = []string{"stderr"}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("etcd does not start from %s: %w", strings.TrimSpace(dataDir), err)
	}
	defer server.Close()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(60 * time.Second):
		return fmt.Errorf("etcd is not ready after 60 s")
	case <-signals:
		return nil
	}
	select {
	case <-signals:
		return nil
	case err := <-server.Err():
		return err
	}
}
