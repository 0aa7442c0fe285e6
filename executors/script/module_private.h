#ifndef EXECUTORS_MODULE_PRIVATE_H
#define EXECUTORS_MODULE_PRIVATE_H

#include "executors/script/module.h"

/* What module.c and module_wait.c share. */

/* Continue the call after it got an answer or a refusal; only from the loop. */
void call_go_on(struct module_call *);

/* Start what the call asked for. call_go_on() follows when it is there. */
void wait_begin(struct module_call *);
/* Give up what the call waits for. */
void wait_forget(struct module_call *);

#endif
