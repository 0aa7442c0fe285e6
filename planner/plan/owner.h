#ifndef PLANNER_OWNER_H
#define PLANNER_OWNER_H

#include "planner/plan/graph.h"

/* Does the label name our cluster, and does the node say that this owner made it? */
bool container_is_ours(const struct cluster *, const struct fact_container *);
/* Reports that container, which dray made for another owner, as a conflict of the step. */
void observe_other_owner(struct arena *, struct step *, struct diags *,
			 const struct fact_container *);
/* For a step that is absent: another owner has a cluster of this name on its node. That is a
 * conflict, even if its containers and processes have other names. */
void observe_other_cluster(struct arena *, struct step *, struct diags *);
/* True: the record belongs to another login, and so does what it describes. */
bool observe_other_record(struct arena *, struct step *, const struct record *, struct diags *);
/* For steps that are not in the spec: warns of another owner's containers and processes, which
 * are left alone. */
void tell_other_owners(struct arena *, const struct cluster *, const struct graph *,
		       struct diags *);

#endif
