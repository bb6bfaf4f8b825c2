// Package zygote is the host's side of a tender: the processes that host
// unikernel contexts (UCs), and what the platform asks of them.
//
//	root, err := zygote.Start(ctx, losses)
//	image, err := root.Grow(ctx, zygote.Memory{Image: files, Arena: fd})
//	z, err := image.Grow(ctx, zygote.Memory{Image: files, Arena: fd, Plan: plan, Files: snapshots})
//	z.Resize(8)
//	z.Fill()
//	c, err := z.Get(ctx, run, tenant) // from the pool, or a fork
//	err = c.Run(run)                  // its channel is c.FD from now on
//	table, err := c.Scan(ctx, false)  // and so on
//	next, err := c.Reset(ctx, run)
//	z.Put(next)
//
// A tender is a tree of processes: the root, an image zygote for each language, a
// zygote for each snapshot that is worth holding mapped, and their children. A
// child is a spare until it is told to run, and then a UC.
//
// A zygote takes one order at a time over its control socket. Every order has a
// deadline: a zygote that does not answer in time is dead. Orders, their numbers,
// the memory that tables pass through and errnos are known in this package alone
// (protocol.go mirrors csrc/tender/control.h).
//
// Locks are taken in this order: Zygote.mu, then the mu of the zygote that forked
// it; pool.mu is taken last. Zygote.mu alone is held while a process is waited for.
package zygote

// Backend is the name of the backend in errors, configurations and records.
const Backend = "unikernel"
