#ifndef PLANNER_DISCOVER_H
#define PLANNER_DISCOVER_H

#include <stdio.h>

#include "planner/base/task.h"
#include "planner/cluster/address.h"
#include "planner/plan/kind.h"

/*
 * `dray discover`: shows the facts of nodes, from discover.sh. They are struct facts, as in a
 * plan; there is no second data model.
 */

/* A machine of the spec, or this one. */
struct discovered {
	const struct node *node;
	const struct facts *facts;      /* NULL: see why */
	const char *why, *hint;         /* hint NULL: nothing is known that helps */
	const char *text;               /* what discover.sh printed */
	long long skew;                 /* seconds ahead of the first node; 0 unless known */
};
struct discovery {
	const struct cluster *cluster;
	struct discovered *v;
	size_t n;
	const struct addresses *addresses;      /* tested and chosen; NULL: one node */
};

/* The task for one node. HF_HOME is in the shared directory, if there is one. */
void discover_task(struct arena *, const struct cluster *, struct task *);
/* Warnings, node by node, then about the nodes together. */
void discovery_warn(struct arena *, const struct discovery *, struct diags *);
void discovery_text(const struct discovery *, const struct diags *, FILE *, bool color);
/* One JSON document; docs/discover.md lists its keys. */
const char *discovery_json(struct arena *, const struct discovery *, const struct diags *);

#endif
