/* zygote.h: the role of a zygote. */
#ifndef ZYGOTE_H
#define ZYGOTE_H

/* Maps what a zygote has and its children do not inherit. For a new zygote, which knows no child
 * yet. */
void zygote_init(void);

/* Carries out orders until the platform closes the control socket. */
_Noreturn void zygote_loop(void);
#endif
