/* The first bytes of the libOS have fixed addresses that the seccomp filter and the tender rely on
 * (abi/uc.h). */
	.section .text.start, "ax"
	.globl uc_stub
uc_stub:                        /* the one instruction by which host calls are made; ends at UC_STUB_IP */
	syscall
	ret

	.globl uc_restorer
	.balign 16
uc_restorer:                    /* sa_restorer: the host kernel has popped the return address, rsp is the frame */
	mov $15, %eax           /* rt_sigreturn */
	jmp uc_stub

	.globl uc_enter
	.balign 16
/* Entered by jump, with how in rdi, what was received in rsi, and rsp = top of UC_STACK. */
uc_enter:
	xor %ebp, %ebp
	cld
	and $-16, %rsp
	call libos_enter
	ud2

	.globl uc_reset
	.balign 16
uc_reset:                       /* ends at UC_RESET_IP */
	syscall
	jmp uc_was_reset

	.text
	.globl uc_leave
	.balign 16
uc_leave:                       /* jumped to by a tender that runs at UC_TENDER; how in rdi */
	mov %rdi, %rbx
	movabs $0x7e0000180000, %rdi    /* UC_TENDER */
	mov $0x60000, %esi              /* UC_TENDER_SIZE */
	mov $11, %eax                   /* munmap */
	call uc_stub
	test %eax, %eax
	jnz 1f
	mov %rbx, %rdi
	mov $-11, %rsi                  /* EAGAIN */
	jmp uc_enter
1:	ud2

/* UC_SLEEP_CALL (abi/uc.h): the one place where a UC waits for its channel. What it does next lies
 * in memory alone: the word at the top of the stack, which is uc_after_reset if it is another UC by
 * then. */
	.globl uc_sleep, uc_after_reset
uc_sleep:
	movabs $0x7e0000180000, %rsp    /* the top of UC_STACK */
	mov $45, %eax                   /* recvfrom */
	mov $3, %edi                    /* UC_CHANNEL_FD */
	movabs $0x7e0000140000, %rsi    /* UC_STACK */
	mov $0x10000, %edx              /* UC_MSG_MAX */
	xor %r10d, %r10d
	xor %r8d, %r8d
	xor %r9d, %r9d
	call uc_stub
	mov %rax, %rdi
	call libos_woken
	ud2
/* Takes back what a guest can change of the host thread, but for what the first frame sets
 * (entry.c): the flags, the segment registers, the signal stack. Until that is done nothing is on
 * the stack, and no signal but the tick is survived (on_signal). A stack pointer of 0 lies on no
 * signal stack, which sigaltstack(2) wants. No signal finds a place then if the signal stack is all
 * memory: the pointer is 0 for one instruction alone. */
uc_after_reset:
	push $2
	popfq
	mov %rax, %rbx                  /* what recvfrom returned */
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	movabs $0x7e0000000098, %rdi    /* UC_ALTSTACK */
	xor %esi, %esi
	mov $131, %eax                  /* sigaltstack */
	xor %esp, %esp
	jmp uc_reset
uc_was_reset:
	movabs $0x7e0000180000, %rsp    /* the top of UC_STACK */
	test %eax, %eax
	jnz 1f
	mov %rbx, %rsi
	mov $1, %edi                    /* UC_RESUME */
	jmp uc_enter
1:	ud2

/* A rewritten call (rewrite.c): its number in rax, where it goes on in rcx; r11 is free. On
 * UC_STACK, where nothing is while a guest runs. The frame is in the order of state.h's enum. */
	.globl uc_fast, uc_slow
uc_fast:
	mov %rsp, %r11
	movabs $0x7e0000180000, %rsp    /* the top of UC_STACK */
	sub $64, %rsp                   /* what follows RIP in a frame */
	movq $0, 48(%rsp)               /* no floating point state */
	push %rcx                       /* RIP */
	push %r11                       /* RSP */
	push %rcx
	push %rax
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	cld
	mov %rsp, %rdi
	sub $8, %rsp                    /* 17 words lie on an aligned stack */
	call fast_call
	add $8, %rsp
	test %eax, %eax
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rax
	pop %rcx
	pop %rsp
	jz 1f
	jmp *%rcx
	/* Not from the stub, so it traps; no tick of the host can come between (on_signal). */
1:	syscall
uc_slow:
	ud2

/* i64 hostcall(n, a, b, c, d, e, f) */
	.globl hostcall
hostcall:
	mov %rdi, %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %r10
	mov %r9, %r8
	mov 8(%rsp), %r9
	jmp uc_stub

/* u64 copy_user(dst, src, n): bytes left. A fault inside is turned into a return at copy_fault (see
 * on_signal). */
	.globl copy_user, copy_user_end, copy_fault
copy_user:
	mov %rdx, %rcx
	rep movsb
copy_user_end:
	nop
copy_fault:
	mov %rcx, %rax
	ret

/* void frame_return(frame): leave the libOS by rt_sigreturn on a frame built by hand (ucontext
 * address in rdi) */
	.globl frame_return
frame_return:
	mov %rdi, %rsp
	jmp uc_restorer

	.section .rodata.vdso, "a"
	.globl guest_vdso, guest_vdso_end
	.balign 4096
guest_vdso:
	.incbin "vdso/vdso.so"
guest_vdso_end:
	.balign 4096
	.section .note.GNU-stack, "", @progbits
