/*
 * fork.S: the data and the stack of a zygote, and the fork of a spare.
 *
 * Both lie in shared memory. A fork then neither copies their page table entries as copy-on-write
 * nor makes the zygote's next write to them fault, in a process that does little but fork. A spare
 * runs on UC_STACK and leaves them alone. A spare that becomes a zygote calls fresh_data first.
 */
#include <asm/unistd.h>
#include <asm/mman.h>

/* <linux/mman.h> and <asm/signal.h> declare C types. */
#define MAP_SHARED 1
#define SIGCHLD    17

	.text
	.globl fresh_data, fork_spare, switch_stack

/* void fresh_data(void): maps zeroed shared memory over all data. It uses no memory but the
 * caller's return address. */
fresh_data:
	mov $__NR_mmap, %eax
	movabs $data_start, %rdi
	movabs $data_end, %rsi
	sub %rdi, %rsi
	mov $(PROT_READ | PROT_WRITE), %edx
	mov $(MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS), %r10d
	mov $-1, %r8
	xor %r9d, %r9d
	syscall
	ret

/*
 * i64 fork_spare(int channel, u64 stack, void (*entry)(int, int), int zygote): clone(2). Returns the
 * pid or -errno; the child calls entry(channel, zygote) on its own stack. The parent's stack is
 * shared memory, so the child must not touch it: all that the child needs travels in registers.
 */
fork_spare:
	push %rbx
	push %rbp
	push %r12
	mov %edi, %ebx
	mov %rdx, %rbp
	mov %ecx, %r12d
	mov $__NR_clone, %eax
	mov $SIGCHLD, %edi              /* flags; rsi holds the stack */
	xor %edx, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	syscall
	test %eax, %eax
	jz 1f
	pop %r12
	pop %rbp
	pop %rbx
	ret
1:	mov %ebx, %edi
	mov %r12d, %esi
	mov %rbp, %rax
	xor %ebp, %ebp                  /* the end of the child's stack frames */
	call *%rax
	ud2

/* _Noreturn void switch_stack(void (*to)(u64), u64 argument): goes on at the top of this process's
 * own stack. */
switch_stack:
	lea zygote_stack_end(%rip), %rsp
	mov %rdi, %rax
	mov %rsi, %rdi
	call *%rax
	ud2

	.section .bss.zygote, "aw", @nobits
	.balign 4096
	.space 32768                    /* bytes; the largest frames are those of lay_copied (reset.c), 8 KB */
zygote_stack_end:
	.section .note.GNU-stack, "", @progbits
