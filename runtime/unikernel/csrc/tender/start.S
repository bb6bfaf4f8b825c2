/*
 * Entry of the tender. Its data and its stack become shared memory before anything is written: a fork then neither copies
 * them nor makes the next write to them fault, in a process that does nothing but fork. A spare runs on UC_STACK and
 * leaves them alone; a zygote gets its own (fresh_data).
 */
	.text
	.globl _start, fresh_data, fork_spare, switch_stack
_start:
	mov %rsp, %rbx
	call fresh_data
	lea zygote_stack_end(%rip), %rsp
	mov %rbx, %rdi
	call tender_main
	ud2

fresh_data:                               /* fresh zeroed shared memory over .bss; uses no memory but the caller's stack */
	mov $9, %eax                    /* mmap */
	movabs $data_start, %rdi
	movabs $data_end, %rsi
	sub %rdi, %rsi
	mov $3, %edx                    /* PROT_READ | PROT_WRITE */
	mov $0x31, %r10d                /* MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS */
	mov $-1, %r8
	xor %r9d, %r9d
	syscall
	ret

/* i64 fork_spare(channel, stack): clone; the child calls spare_main(channel) on stack. */
fork_spare:
	push %rbx
	mov %edi, %ebx
	mov $56, %eax                   /* clone */
	mov $17, %edi                   /* SIGCHLD; rsi is the stack */
	xor %edx, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	syscall
	test %eax, %eax
	jz 1f
	pop %rbx
	ret
1:	mov %ebx, %edi
	xor %ebp, %ebp
	call spare_main
	ud2

switch_stack:                           /* void switch_stack(void (*to)(void)) */
	lea zygote_stack_end(%rip), %rsp
	call *%rdi
	ud2

	.section .bss.zygote, "aw", @nobits
	.balign 4096
zygote_stack:
	.space 32768
zygote_stack_end:
	.section .note.GNU-stack, "", @progbits
