#ifndef RUNTIMES_PROCESS_H
#define RUNTIMES_PROCESS_H

#include "planner/runtimes/runtime.h"

/* Processes of a virtual environment, each in its own session. A server inside a container is
 * also observed as a process. */

/* The process of the step, or NULL. */
const struct fact_proc *find_proc(const struct step *);
/* A script, with the functions that find our processes. */
const struct script *process_script(struct arena *, const char *name);

/* Members of struct runtime. */
void process_observe(struct arena *, struct step *, struct diags *);
struct task *process_up(struct arena *, const struct start *, struct tasks *);
void process_down(struct arena *, const struct step *, struct tasks *);
struct task *process_up_beside(struct arena *, const struct start *, const struct kind *in,
			       struct tasks *);
void process_down_beside(struct arena *, const struct step *, const struct kind *in,
			 const char *coordinator, struct tasks *);
void process_guard(struct arena *, const struct step *on, struct tasks *);
void process_diagnose(struct arena *, const struct step *on, bool beside, struct tasks *);
void process_trial(struct arena *, struct attrs *inputs, const char *files, struct task *);
const char *process_place(struct arena *, const struct step *);

#endif
