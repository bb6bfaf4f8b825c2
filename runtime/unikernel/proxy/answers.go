package proxy

import "github.com/lambdabench/lambdabench/runtime/unikernel/abi"

// maxAnswers bounds what waits for a guest that does not read. The library OS
// asks for no more connections than it has descriptors, and each has at most
// one answer under way: a guest with more of them unread is no library OS.
const maxAnswers = 4096

// answer sends a message without payload, in order with the others of its
// kind, and never waits: whoever takes in the guest's messages must go on
// doing so while the guest does not read. Beyond the bound it is dropped.
func (p *Proxy) answer(m abi.Msg) {
	p.out.Lock()
	defer p.out.Unlock()
	if p.mute || len(p.answers) >= maxAnswers {
		return
	}
	p.answers = append(p.answers, m)
	if !p.answering {
		p.answering = true
		p.work.Go(p.sendAnswers)
	}
}

// sendAnswers ends when nothing is left to send. Close waits for it; what it
// waits for is the channel, which the sandbox has shut by then.
func (p *Proxy) sendAnswers() {
	for {
		p.out.Lock()
		todo := p.answers
		p.answers = nil
		p.answering = len(todo) > 0
		p.out.Unlock()
		if len(todo) == 0 {
			return
		}
		for _, m := range todo {
			if p.send(m, nil) != nil {
				break // a guest that is gone needs no answers
			}
		}
	}
}
