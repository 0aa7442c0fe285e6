#ifndef PLANNER_DOWNLOAD_H
#define PLANNER_DOWNLOAD_H

#include "planner/plan/graph.h"

/* What the steps share that bring the weights into a cache: `download` into a shared directory,
 * `weights[node]` onto each node's own disk. */

/* Is there anything to bring there? */
bool download_needed(const struct cluster *);
/* Adds the inputs of such a step, and the edges to the steps that it waits for. fetches: it asks the
 * Hub. what: another repository, or NULL for the model. */
void download_want(struct arena *, struct graph_builder *, struct step *, bool fetches,
		   const struct cluster_extra *what);
/* The repository that a step of kind `repo` brings; NULL: the step brings the model. */
const struct cluster_extra *download_extra(const struct step *);
/* For another repository (extra): adds the branch or tag under which the cache keeps its commit. */
void download_ref(struct arena *, struct task *, const struct spec_model *, bool extra);
/* What such a step brings. */
struct download_what {
	const struct spec_model *from;
	const struct manifest *manifest;        /* NULL: the Hub did not give it */
	const char *commit, *why;               /* as those of the cluster */
	const char *hub;
};
struct download_what download_of(const struct cluster *, const struct cluster_extra *);
/* How many files of the wanted commit the node lacks, and their bytes; *first is one of them. */
size_t download_lacks(const struct cluster *, const struct cluster_extra *, const struct node *,
		      const char **first, long long *bytes);
/* The files that the step's node has, but whose contents may be wrong: a look found that they have
 * changed, or that they differ from those of other nodes. */
struct manifest *download_doubts(struct arena *, const struct step *);
/* The wanted files for a script: SIZE, TAB, BLOB, TAB, PATH a line. */
const char *download_list(struct arena *, const struct manifest *);
void download_observe(struct arena *, struct step *, struct diags *);
void download_up(struct arena *, const struct step *, struct tasks *);
void download_down(struct arena *, const struct step *, struct tasks *);
/* For steps that need the weights on all nodes: edges to the steps that bring them. */
void download_dep(struct graph_builder *, struct step *);

/* repo.c: the same for the other repositories. */
void repo_dep(struct graph_builder *, struct step *);

extern const struct kind kind_repo;
extern const struct field_effect download_fields[];

#endif
