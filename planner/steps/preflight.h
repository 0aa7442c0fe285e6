#ifndef STEPS_PREFLIGHT_H
#define STEPS_PREFLIGHT_H

#include "planner/plan/kind.h"

/* Reports problems with the GPUs of an observed node. */
void preflight_gpus(struct arena *, const struct cluster *, const struct node *, struct diags *);
/* Reports names of interfaces, devices and addresses in env that are not there. */
void preflight_env(struct arena *, const struct cluster *, const struct node *, struct diags *);

/* Reports paths, devices, users and groups in docker_args and the engine's arguments that are not
 * there. */
void preflight_named(struct arena *, const struct cluster *, const struct node *, struct diags *);
/* Can the engine's image run here: on these processors, GPUs and driver? */
void preflight_image(struct arena *, const struct cluster *, const struct node *, struct diags *);

/* Reports what is wrong with the directory of the storage. */
void preflight_store(struct arena *, const struct cluster *, const struct node *, struct diags *);
/* Adds to the hint that one of the user's steps may fix it. */
const char *preflight_or_by_step(struct arena *, const struct cluster *, const char *hint);
/* Reports what the model's files lack, or have twice, by their names and sizes. */
void preflight_contents(struct arena *, const struct cluster *, const struct node *, struct diags *);

/* Reports what of the host lets a start fail late: MTU, locked memory, a firewall, a full disk. */
void preflight_host(struct arena *, const struct cluster *, const struct node *, struct diags *);

#endif
