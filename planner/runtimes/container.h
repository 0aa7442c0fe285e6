#ifndef RUNTIMES_CONTAINER_H
#define RUNTIMES_CONTAINER_H

#include "planner/runtimes/runtime.h"

/* Containers of docker and compatible runtimes: the functions that their rows share. */

/* dray-<cluster>-<kind>; a node has at most one of each. */
const char *container_name(struct arena *, const struct cluster *, const char *kind);
/* The id of our container dray-<cluster>-<kind>, for scripts that cannot tell it is ours: an
 * earlier version recorded no owner. NULL: there is none. */
const char *known_container(struct arena *, const struct step *, const char *kind);
/* Adds the arguments with which a script finds that container and knows if it is ours. */
void container_named(struct arena *, struct task *, const struct step *, const struct kind *);
/* Each attribute env.NAME as "-e", "NAME=VALUE". */
void env_args(struct arena *, struct task *, struct attrs *);
/* Mounts what the input files_dir names: the operator's files. */
void container_files(struct arena *, struct task *, struct attrs *inputs);
/* Where hf_home is in every container of the engine, as in run_cluster.sh. */
#define HF_HOME_INSIDE "/root/.cache/huggingface"

/* Members of struct runtime. */
void container_observe(struct arena *, struct step *, struct diags *);
struct task *container_up(struct arena *, const struct start *, struct tasks *);
void container_down(struct arena *, const struct step *, struct tasks *);
void container_clear_beside(struct arena *, const struct step *, const struct kind *in,
			    struct tasks *);
struct task *container_up_beside(struct arena *, const struct start *, const struct kind *in,
				 struct tasks *);
void container_down_beside(struct arena *, const struct step *, const struct kind *in,
			   const char *coordinator, struct tasks *);
void container_guard(struct arena *, const struct step *on, struct tasks *);
void container_diagnose(struct arena *, const struct step *on, bool beside, struct tasks *);
void container_trial(struct arena *, struct attrs *inputs, const char *files, struct task *);
const char *container_place(struct arena *, const struct step *);

#endif
