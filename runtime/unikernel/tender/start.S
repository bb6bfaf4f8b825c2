/* Entry of the tender: the kernel's stack holds argc, argv, envp and auxv; ours takes over, and that one is unmapped. */
	.text
	.globl _start
_start:
	mov %rsp, %rdi
	lea own_stack_end(%rip), %rsp
	and $-16, %rsp
	call tender_main
	ud2

	.bss
	.balign 4096
own_stack:
	.space 32768
own_stack_end:
	.section .note.GNU-stack, "", @progbits
