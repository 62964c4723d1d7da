package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/peer"
)

const (
	secretA = "0123456789abcdef"
	secretB = "fedcba9876543210"
)

var kinds = []Kind{Gossip, Replication, Migration, Calls}

// reaches reports whether what a says on a connection of this kind comes to a user of b.
// If not, it returns why, as a sees it.
func reaches(t *testing.T, a, b *member, kind Kind) error {
	t.Helper()
	if kind == Calls {
		_, err := a.Call(t.Context(), b.id, b.addr, idRequest)
		return err
	}
	conn, err := a.Dial(t.Context(), b.addr, kind)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.Write([]byte("hello"))
	synctest.Wait()
	select {
	case other := <-b.accepted[kind]:
		defer other.Close()
		got := make([]byte, 5)
		if _, err := io.ReadFull(other, got); err != nil || string(got) != "hello" {
			t.Errorf("%v: the other end reads %q, %v", kind, got, err)
		}
		return nil
	default:
		_, err := conn.Read(make([]byte, 100))
		return err
	}
}

// Nodes reach each other over every kind of connection if each accepts what the other one
// shows, and are refused otherwise, which both logs say.
func TestSecurity(t *testing.T) {
	certs := newAuthority(t)
	data := []Kind{Replication, Migration}
	withCerts := func(secret string, certified []Kind) Security {
		return Security{Secret: secret, TLS: certs.server(), ClientTLS: certs.client(), Certified: certified}
	}
	secret := func(s string) Security { return Security{Secret: s} }
	beside := func(s, old string) Security { return Security{Secret: s, OldSecret: old} }
	for name, c := range map[string]struct {
		dials, accepts Security
		refused        error // what the accepting end says
		except         []Kind
	}{
		"the same secret":          {secret(secretA), secret(secretA), nil, nil},
		"an old secret":            {secret(secretA), beside(secretB, secretA), nil, nil},
		"a new secret":             {secret(secretB), beside("", secretB), nil, nil},
		"no secret yet":            {secret(""), beside(secretA, None), nil, nil},
		"no secret, but accepts":   {beside("", secretA), secret(""), nil, nil},
		"another secret":           {secret(secretB), secret(secretA), errOtherSecret, nil},
		"another one, with none":   {secret(secretB), beside(secretA, None), errOtherSecret, nil},
		"only its old one":         {beside(secretB, secretA), secret(secretA), errOtherSecret, nil},
		"no secret":                {secret(""), secret(secretA), errNoSecret, nil},
		"a secret, and none there": {secret(secretA), secret(""), errNoTLS, nil},

		"certificates":                    {withCerts("", kinds), withCerts("", kinds), nil, nil},
		"certificates, not yet asked for": {withCerts("", kinds), withCerts("", nil), nil, nil},
		"no certificate":                  {secret(""), withCerts("", kinds), errNoCertificate, nil},
		"a secret, no certificate":        {secret(secretA), withCerts("", kinds), errOtherSecret, nil},
		"both":                            {withCerts(secretA, kinds), withCerts(secretA, kinds), nil, nil},
		"a certificate, no secret":        {withCerts("", kinds), withCerts(secretA, kinds), errNoSecret, nil},
		"a secret and no certificate":     {secret(secretA), withCerts(secretA, kinds), errNoCertificate, nil},
		"certificates for data":           {withCerts("", data), withCerts("", data), nil, nil},
		"none for data":                   {secret(""), withCerts("", data), errNoCertificate, []Kind{Gossip, Calls}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				a, _ := join(t, network, "10.0.0.1", 1)
				b, _ := join(t, network, "10.0.0.2", 2)
				a.secure(t, c.dials)
				b.secure(t, c.accepts)
				for _, kind := range kinds {
					err := reaches(t, a, b, kind)
					want := c.refused
					if slices.Contains(c.except, kind) {
						want = nil
					}
					if (err == nil) != (want == nil) {
						t.Errorf("%v: %v, want %v", kind, err, want)
					}
					if want != nil && !errors.Is(err, errRefused) && kind != Calls {
						t.Errorf("%v: the refused node is told: %v", kind, err)
					}
				}
				synctest.Wait()
				if c.refused != nil {
					if !strings.Contains(b.log.String(), c.refused.Error()) {
						t.Errorf("the log of the node that refuses:\n%s", b.log)
					}
					if !strings.Contains(a.log.String(), errRefused.Error()) {
						t.Errorf("the log of the node that is refused:\n%s", a.log)
					}
				}
			})
		})
	}
}

// A certificate of another authority is refused, whichever end shows it, and both logs
// have the reason.
func TestForeignCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := newAuthority(t), newAuthority(t)
		tolerant := theirs.client() // a stranger does not verify
		tolerant.RootCAs = ours.pool
		for name, c := range map[string]struct{ dials, accepts Security }{
			"dialling": {Security{Certified: kinds, TLS: theirs.server(), ClientTLS: tolerant},
				Security{Certified: kinds, TLS: ours.server(), ClientTLS: ours.client()}},
			"accepting": {Security{Certified: kinds, TLS: ours.server(), ClientTLS: ours.client()},
				Security{Certified: kinds, TLS: theirs.server(), ClientTLS: theirs.client()}},
		} {
			network := memnet.New()
			a, _ := join(t, network, "10.0.0.1", 1)
			b, _ := join(t, network, "10.0.0.2", 2)
			a.secure(t, c.dials)
			b.secure(t, c.accepts)
			for _, kind := range kinds {
				if err := reaches(t, a, b, kind); err == nil {
					t.Errorf("%s: %v is accepted", name, kind)
				}
			}
			if log := a.log.String(); !strings.Contains(log, "WARN") {
				t.Errorf("%s: the log of the dialling node:\n%s", name, log)
			}
			if log := b.log.String(); name == "dialling" && !strings.Contains(log, "unknown authority") {
				t.Errorf("%s: the log of the accepting node:\n%s", name, log)
			}
		}
	})
}

// Certificates are verified by the authorities that are configured at the time, and by the
// name if one is.
func TestCertificateDetails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := newAuthority(t), newAuthority(t)
		now := ours // what GetConfigForClient returns
		changing := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return now.server(), nil
		}}
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		a.secure(t, Security{Certified: kinds, TLS: ours.server(), ClientTLS: ours.client()})
		b.secure(t, Security{Certified: kinds, TLS: changing, ClientTLS: ours.client()})
		if err := reaches(t, a, b, Gossip); err != nil {
			t.Error(err)
		}
		now = theirs
		if err := reaches(t, a, b, Gossip); err == nil {
			t.Error("certificates of an authority that is not trusted any more are accepted")
		}
		now = ours
		named := ours.client()
		named.ServerName = "another.example"
		a.secure(t, Security{Certified: kinds, TLS: ours.server(), ClientTLS: named})
		if err := reaches(t, a, b, Gossip); err == nil {
			t.Error("a certificate without the name that was asked for is accepted")
		}
		verified := 0
		own := ours.client()
		own.VerifyPeerCertificate = func(_ [][]byte, chains [][]*x509.Certificate) error {
			if verified = len(chains); verified == 0 {
				return errors.New("no chain")
			}
			return nil
		}
		a.secure(t, Security{Certified: kinds, TLS: ours.server(), ClientTLS: own})
		if err := reaches(t, a, b, Gossip); err != nil || verified != 1 {
			t.Errorf("with a verification of the host's: %v, %d chains", err, verified)
		}
	})
}

// A host's own verification may rely on its ClientAuth that a client has shown a
// certificate. A stranger without one does not reach it, nor bring the node down.
func TestVerificationOfNoCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := newAuthority(t)
		careful := ours.server()
		careful.ClientAuth = tls.RequireAndVerifyClientCert
		careful.VerifyConnection = func(state tls.ConnectionState) error {
			if state.PeerCertificates[0].Subject.CommonName != "node" {
				return errors.New("not a node")
			}
			return nil
		}
		changing := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return careful, nil
		}}
		for name, config := range map[string]*tls.Config{"fixed": careful, "changing": changing} {
			network := memnet.New()
			a, _ := join(t, network, "10.0.0.1", 1)
			b, _ := join(t, network, "10.0.0.2", 2)
			b.secure(t, Security{Certified: kinds, TLS: config, ClientTLS: ours.client()})
			bare := &tls.Config{RootCAs: ours.pool}
			a.secure(t, Security{Certified: kinds, TLS: ours.server(), ClientTLS: bare})
			if err := reaches(t, a, b, Gossip); err == nil {
				t.Errorf("%s: a node without a certificate is accepted", name)
			}
			a.secure(t, Security{Certified: kinds, TLS: ours.server(), ClientTLS: ours.client()})
			if err := reaches(t, a, b, Gossip); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Nothing of what nodes with a secret say is seen on the way, and both ends know that.
func TestSecretEncrypts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for secret, visible := range map[string]bool{"": true, secretA: false} {
			network := memnet.New()
			a, _ := join(t, network, "10.0.0.1", 1)
			b, _ := join(t, network, "10.0.0.2", 2)
			a.secure(t, Security{Secret: secret})
			b.secure(t, Security{Secret: secret})
			var wire record
			through := wire.relay(t, network.Host("10.0.0.3"), b.addr)
			b.addr = through
			if err := reaches(t, a, b, Gossip); err != nil {
				t.Fatal(err)
			}
			if seen := strings.Contains(wire.String(), "hello"); seen != visible {
				t.Errorf("with the secret %q, a message is seen on the wire: %v", secret, seen)
			}
		}
	})
}

// A change of the secret, one node after the other, ends no call and refuses no connection:
// first each accepts the new one, then each shows it, then each drops the old one.
func TestSecretsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		opened := make(map[*member]net.Conn) // by the one, at the other
		dial := func(from, to *member) net.Conn {
			t.Helper()
			conn, err := from.Dial(t.Context(), to.addr, Gossip)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			opened[from] = <-to.accepted[Gossip]
			return conn
		}
		ended := func(conn net.Conn) bool {
			conn.SetReadDeadline(time.Now().Add(time.Second))
			_, err := conn.Read(make([]byte, 1))
			var timeout net.Error
			return !errors.As(err, &timeout) || !timeout.Timeout()
		}
		for _, change := range [][]Security{
			{{OldSecret: secretA}, {Secret: secretA, OldSecret: None}, {Secret: secretA}},
			{{Secret: secretA, OldSecret: secretB}, {Secret: secretB, OldSecret: secretA}, {Secret: secretB}},
			{{Secret: secretB, OldSecret: None}, {OldSecret: secretB}, {}},
		} {
			for step, s := range change {
				ab, ba := dial(a, b), dial(b, a)
				atB, atA := opened[a], opened[b]
				for i, m := range []*member{a, b} {
					done := make(chan error)
					go func() {
						_, err := a.Call(t.Context(), b.id, b.addr, &peer.Request{Func: "slow"})
						done <- err
					}()
					time.Sleep(time.Second)
					m.secure(t, s)
					for _, kind := range kinds {
						if err := reaches(t, a, b, kind); err != nil {
							t.Errorf("step %d of %+v, node %d, from the first, %v: %v", step, change, i, kind, err)
						}
						if err := reaches(t, b, a, kind); err != nil {
							t.Errorf("step %d of %+v, node %d, from the second, %v: %v", step, change, i, kind, err)
						}
					}
					if err := <-done; err != nil {
						t.Errorf("step %d of %+v, node %d: a call that was under way: %v", step, change, i, err)
					}
				}
				// Both ends of a connection change in the second step; and the third finds none to end.
				for i, conn := range []net.Conn{ab, ba, atA, atB} {
					if got, want := ended(conn), step == 1; got != want {
						t.Errorf("step %d of %+v: connection %d has ended: %v, want %v", step, change, i, got, want)
					}
				}
				for _, conn := range []net.Conn{ab, ba, atA, atB} {
					conn.Close()
				}
			}
		}
		for _, m := range []*member{a, b} {
			if log := m.log.String(); strings.Contains(log, "WARN") {
				t.Errorf("the log:\n%s", log)
			}
		}
	})
}

// A secret that is not accepted any more is of no use on connections that it has opened.
func TestDroppedSecret(t *testing.T) {
	for _, old := range []string{secretA, None} {
		synctest.Test(t, func(t *testing.T) {
			network := memnet.New()
			a, _ := join(t, network, "10.0.0.1", 1)
			b, _ := join(t, network, "10.0.0.2", 2)
			if old != None {
				a.secure(t, Security{Secret: old})
			}
			b.secure(t, Security{Secret: secretB, OldSecret: old})
			var ends []net.Conn
			for _, kind := range []Kind{Gossip, Replication, Migration} {
				conn, err := a.Dial(t.Context(), b.addr, kind)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				ends = append(ends, <-b.accepted[kind])
			}
			calls := make(chan error)
			go func() {
				_, err := a.Call(t.Context(), b.id, b.addr, &peer.Request{Func: "slow"})
				calls <- err
			}()
			time.Sleep(time.Second)
			b.secure(t, Security{Secret: secretB})
			for _, end := range ends {
				if _, err := end.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("a connection made with %q: %v", old, err)
				}
			}
			if err := <-calls; !errors.Is(err, peer.ErrLost) {
				t.Errorf("a call made with %q: %v", old, err)
			}
			synctest.Wait()
			b.mu.Lock()
			if n := len(b.links); n != 0 {
				t.Errorf("%d connections are still listed", n)
			}
			b.mu.Unlock()
		})
	}
}

// Secure refuses what cannot work, and leaves what was before.
func TestSecureRefuses(t *testing.T) {
	certs := newAuthority(t)
	anybody := certs.server()
	anybody.ClientCAs = nil
	trusting := certs.client()
	trusting.RootCAs = nil
	unverified := certs.client()
	unverified.InsecureSkipVerify = true
	m, _ := join(t, memnet.New(), "10.0.0.1", 1)
	before := m.policy.Load()
	for want, s := range map[string]Security{
		"Secret: a cluster secret has at least 16 bytes, this one has 15":    {Secret: secretA[1:]},
		"OldSecret: a cluster secret has at least 16 bytes, this one has 15": {Secret: secretA, OldSecret: secretB[1:]},
		"there are no certificates for the bus":                              {Certified: kinds},
		"no authority is named": {Certified: kinds, TLS: anybody,
			ClientTLS: certs.client()},
		"ClientCAs of Config.TLS and RootCAs of Config.ClientTLS (tls-ca-cert-file)": {Certified: kinds,
			TLS: certs.server(), ClientTLS: trusting},
		"BusTLS: no authority": {Certified: kinds, TLS: certs.server(), ClientTLS: unverified},
	} {
		err := m.Secure(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		} else if strings.Contains(err.Error(), secretA[1:]) || strings.Contains(err.Error(), secretB[1:]) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	if m.policy.Load() != before {
		t.Error("something has changed")
	}
}
