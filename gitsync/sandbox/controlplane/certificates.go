package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	certutil "k8s.io/client-go/util/cert"
)

const (
	certificateAge = 10 * 365 * 24 * time.Hour
	renewBefore    = 30 * 24 * time.Hour
)

// certificatesCommand makes what the control plane identifies itself with: apiserver.crt (with the authority
// that signed it, so that the same file is what clients trust) and apiserver.key, and sa.key for the tokens of
// service accounts. Files that are there and still valid are left alone.
func certificatesCommand() *cobra.Command {
	var dir string
	var names []string
	var addresses []net.IP
	command := &cobra.Command{
		Use:          "certificates",
		SilenceUsage: true,
		Args:         cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			if err := ensureSigningKey(filepath.Join(dir, "sa.key")); err != nil {
				return err
			}
			return ensureServing(filepath.Join(dir, "apiserver.crt"), filepath.Join(dir, "apiserver.key"), names, addresses)
		},
	}
	command.Flags().StringVar(&dir, "dir", "", "directory of the files")
	command.Flags().StringSliceVar(&names, "dns", nil, "names the server has; the first is its common name")
	command.Flags().IPSliceVar(&addresses, "ip", nil, "addresses the server has")
	_ = command.MarkFlagRequired("dir")
	_ = command.MarkFlagRequired("dns")
	return command
}

func ensureServing(certificate, key string, names []string, addresses []net.IP) error {
	if isServing(certificate, names, addresses) {
		if _, err := os.Stat(key); err == nil {
			return nil
		}
	}
	certPEM, keyPEM, err := certutil.GenerateSelfSignedCertKeyWithOptions(certutil.SelfSignedCertKeyOptions{
		Host: names[0], AlternateDNS: names[1:], AlternateIPs: addresses, MaxAge: certificateAge,
	})
	if err != nil {
		return fmt.Errorf("no certificate for the API server: %w", err)
	}
	if err := certutil.WriteCert(key, keyPEM); err != nil {
		return err
	}
	if err := os.Chmod(key, 0o600); err != nil {
		return err
	}
	return certutil.WriteCert(certificate, certPEM)
}

func isServing(certificate string, names []string, addresses []net.IP) bool {
	chain, err := certutil.CertsFromFile(certificate)
	if err != nil || time.Until(chain[0].NotAfter) < renewBefore {
		return false
	}
	for _, name := range names {
		if chain[0].VerifyHostname(name) != nil {
			return false
		}
	}
	for _, address := range addresses {
		if chain[0].VerifyHostname(address.String()) != nil {
			return false
		}
	}
	return true
}

func ensureSigningKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	scratch := path + ".new"
	if err := os.WriteFile(scratch, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.Rename(scratch, path)
}
