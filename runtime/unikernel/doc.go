// Package unikernel is the backend of unikernel contexts (UCs): an unmodified
// language runtime and a small library OS in one flat address space, captured
// whole as pages (SEUSS, Cadden et al., EuroSys 2020).
//
//	b := unikernel.New(unikernel.Config{})
//	defer b.Close()
//	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: python})
//	base, err := b.Capture(ctx, sb)        // the runtime snapshot
//	cell, err := b.Deploy(ctx, base, spec) // any number of these
//
// # Rooms
//
// Package csrc is the C: libos, the guest's kernel, and tender, which hosts UCs as
// processes without rights. Package zygote is the host's side of the tender, package
// guest one UC's channel, package snapshot the pages and the plans of what is laid
// where, package proxy the network. This package is the policy on top. From the ground
// up: lifecycle.go (a sandbox's states), process.go (its process, and the reset),
// spawn.go and hibernate.go (how it gets a process and gives it up), sandbox.go (what
// a caller sees), deploy.go and capture.go, unikernel.go.
//
// # A deploy
//
// Backend.Deploy picks a live zygote of the snapshot (snap.pick), or of one below. The
// plan says what lies between the zygote's memory and the snapshot's: holes, and pages
// that are copied from the arena (Layer.PlanOver). The zygote gives a process
// (Zygote.Get): a spare that was reset carries the plan out at once, by TC_REUSE; a
// fork waits on its channel, and Child.Run sends it TC_RUN: it reads the plan's pages
// with preadv(2), leaves the tender's program and is a UC. Where the pool runs low, the zygote is
// told to fork another spare (TC_FORK). Nothing waits for the UC: the first call finds
// out whether it runs.
//
// # A capture
//
// Backend.Capture enters the sandbox, which wakes if it hibernates, and holds its
// session, so that no call runs. The zygote waits until the UC sleeps at its read, lists
// the UC's private pages (PAGEMAP_SCAN or pagemap), reads them (process_vm_readv(2)) and
// compares them with its own and with the dedup candidates; what differs it copies to a
// stage of the arena, which it has mapped (TC_CAPTURE). The table becomes a small layer
// (Arena.NewChild), whose pages are deduplicated later (Layer.Commit). A UC that was
// booted is copied whole instead, into a file in memory (TC_SCAN, TC_FILE, TC_COPY), and
// zygotes are grown that have the file mapped (Zygote.Grow).
//
// # Owners
//
// Snapshots lie in memory: large ones in a file of their own, from which a zygote maps
// them; small ones in an arena that all share, from which a UC copies them. What is
// captured stays until it is closed: the package is no cache.
//
// Every process of the tender has an owner. A UC belongs to its sandbox. The root, the
// zygotes and the spares in their pools belong to Backend.supervise, which finds dead
// ones, counts and logs them and starts others; a call that needs a zygote while there
// is none waits for it, 10 s at most. A process of the tender kills its children that
// are stopped. Snapshots and UCs that hibernate survive the tender; UCs that are awake
// do not.
//
// # Locks
//
// A session (driver.Session) is taken before language.mu. Below them at most one of
// sandbox.mu, cpuLimit.mu, fleet.mu and Backend.mu is held, or locks of package zygote;
// and below sandbox.mu the arena's, below cpuLimit.mu that of the groups. While a
// process is waited for, a session, language.mu, Zygote.mu and, for reading, the lock of
// a channel's descriptor may be held, and no other.
package unikernel
