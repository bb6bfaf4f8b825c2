/* start.S: the entry of the tender's program, on the stack that execve made. Its data become shared
 * memory first, see fork.S. */
	.text
	.globl _start
_start:
	mov %rsp, %rbx                  /* argc, argv, environment, auxiliary vector */
	call fresh_data
	lea tender_main(%rip), %rdi
	mov %rbx, %rsi
	call switch_stack
	ud2
	.section .note.GNU-stack, "", @progbits
