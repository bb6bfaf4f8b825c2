// Package unikernel is the backend of unikernel contexts (UCs): an unmodified
// language runtime and a small library OS in one flat address space, captured
// whole as pages (SEUSS, Cadden et al., EuroSys 2020).
//
//	b := unikernel.New(unikernel.Config{})
//	defer b.Close()
//	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: node})
//	base, err := b.Capture(ctx, sb)         // the runtime snapshot
//	cell, err := b.Deploy(ctx, base, limits) // any number of these
//
// What runs where: libos/ is the guest's kernel; tender/ hosts UCs as
// processes without rights (README.md); this package is the platform's side.
// It starts one tender, which is a tree of processes: the root, zygotes for
// each part of a snapshot stack that is worth holding mapped, and the UCs
// that zygotes fork. The platform talks to a zygote over one socket, and to a
// UC over that UC's channel. Nothing above the type tenderRoot assumes that a
// UC is a process.
//
// Snapshots lie in memory: large ones in a file of their own, from which a
// zygote maps them; small ones in an arena that all share, from which a new UC
// copies them. A snapshot holds only what differs from the one below.
//
// A UC that is idle hibernates: it keeps the words in which its memory differs
// from its snapshot, and no process until its next call. Nothing but the time
// of that call shows it.
//
// Every process of the tender has an owner. A UC belongs to its sandbox. The root,
// the zygotes and the spares in the pool belong to Backend.supervise, which finds dead
// ones, counts and logs them and starts others; a call that needs a zygote while
// there is none waits for it, 10 s at most. An order to a zygote has a deadline, after
// which the zygote is dead. A process of the tender kills its children that are
// stopped. Snapshots and hibernated UCs survive the tender; UCs that are awake do
// not.
//
// Locks are taken in this order: language.mu, sandbox.resting, sandbox.waking,
// driver.Session, sandbox.cpu, sandbox.mu or zygote.mu (of a zygote, then of the one
// that forked it), pool.mu, Backend.mu. No lock but those of one sandbox and of
// one zygote is held while the platform waits for a process.
//
// The package is not a cache: what is captured stays until it is closed.
package unikernel
