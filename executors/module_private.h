#ifndef EXECUTORS_MODULE_PRIVATE_H
#define EXECUTORS_MODULE_PRIVATE_H

#include "executors/module.h"

/* What module.c and module_wait.c share. */

/* The answer, or the refusal, is given: on with it, from the loop. */
void call_go_on(struct module_call *);

/* The call wants something: begin with it. What it gets comes by call_go_on(). */
void wait_begin(struct module_call *);
/* It wants it no more. */
void wait_forget(struct module_call *);

#endif
