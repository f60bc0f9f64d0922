package identity

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os/exec"
	"sync"

	"github.com/alexedwards/argon2id"
)

// hashService is the name under which a process offers hashing.
const hashService = "Hashing"

// Hashing is what a process that hashes is asked, over net/rpc.
type Hashing struct {
	turns chan struct{} // one for each password that is hashed
}

// HashQuestion asks for the hash of a password at a cost.
type HashQuestion struct {
	Password string
	Params   argon2id.Params
}

// CheckQuestion asks whether a password is the one that Encoded was made of.
type CheckQuestion struct{ Password, Encoded string }

// CheckAnswer also says at which cost the hash was made.
type CheckAnswer struct {
	Right  bool
	Params argon2id.Params
}

// Create makes a hash.
func (h Hashing) Create(q HashQuestion, encoded *string) (err error) {
	h.turns <- struct{}{}
	defer func() { <-h.turns }()
	*encoded, err = hashingHere{}.create(q.Password, q.Params)
	return err
}

// Check checks a password.
func (h Hashing) Check(q CheckQuestion, a *CheckAnswer) (err error) {
	h.turns <- struct{}{}
	defer func() { <-h.turns }()
	a.Right, a.Params, err = hashingHere{}.check(q.Password, q.Encoded)
	return err
}

// ServeHashes hashes what it is asked for through in and answers through out,
// until in ends. It hashes at most parallel passwords at a time; others wait.
func ServeHashes(in io.ReadCloser, out io.WriteCloser, parallel int) error {
	server := rpc.NewServer()
	if err := server.RegisterName(hashService, Hashing{turns: make(chan struct{}, parallel)}); err != nil {
		return fmt.Errorf("offer hashing: %w", err)
	}
	server.ServeConn(struct {
		io.ReadCloser
		io.Writer
	}{in, out})
	return nil
}

// hashingBeside works in a process of its own.
type hashingBeside struct {
	command func() *exec.Cmd

	mu      sync.Mutex
	process *hashProcess // nil while there is none
}

func (h *hashingBeside) create(password string, params argon2id.Params) (encoded string, err error) {
	err = h.call("Create", HashQuestion{password, params}, &encoded)
	return encoded, err
}

func (h *hashingBeside) check(password, encoded string) (bool, argon2id.Params, error) {
	var a CheckAnswer
	err := h.call("Check", CheckQuestion{password, encoded}, &a)
	return a.Right, a.Params, err
}

// call asks the process. When that has ended meanwhile, a new one is asked, once.
func (h *hashingBeside) call(method string, question, answer any) error {
	var lost error
	for range 2 {
		p, err := h.running()
		if err != nil {
			return err
		}
		err = p.client.Call(hashService+"."+method, question, answer)
		var told rpc.ServerError
		if err == nil || errors.As(err, &told) {
			return err
		}
		lost = err
		h.lose(p)
	}
	return fmt.Errorf("the process that hashes passwords ended: %w", lost)
}

// running returns the process, which it starts where there is none.
func (h *hashingBeside) running() (*hashProcess, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.process == nil {
		p, err := startHashProcess(h.command())
		if err != nil {
			return nil, fmt.Errorf("start a process that hashes passwords: %w", err)
		}
		h.process = p
	}
	return h.process, nil
}

// lose forgets a process that does not answer any more.
func (h *hashingBeside) lose(p *hashProcess) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.end()
	if h.process == p {
		h.process = nil
	}
}

func (h *hashingBeside) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.process != nil {
		h.process.end()
		<-h.process.ended
		h.process = nil
	}
}

// hashProcess is a process that hashes, and the pipes to it.
type hashProcess struct {
	io.ReadCloser
	io.WriteCloser
	client *rpc.Client
	reap   func()
	ended  chan struct{} // closed when the process has ended
}

func startHashProcess(command *exec.Cmd) (*hashProcess, error) {
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := aside(command.Start); err != nil {
		return nil, err
	}
	p := &hashProcess{ReadCloser: out, WriteCloser: in, ended: make(chan struct{})}
	p.reap = sync.OnceFunc(func() {
		_ = in.Close()
		go func() {
			_ = command.Wait() // whatever it ended with, its end is what matters
			close(p.ended)
		}()
	})
	p.client = rpc.NewClient(p)
	return p, nil
}

// Read reads what the process answers; nothing is read after its end.
func (p *hashProcess) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if err != nil {
		p.reap()
	}
	return n, err
}

// Close has the process end, which ends what there is to read.
func (p *hashProcess) Close() error { return p.WriteCloser.Close() }

// end has the process end once nothing is asked any more.
func (p *hashProcess) end() { _ = p.client.Close() }
