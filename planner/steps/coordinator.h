#ifndef STEPS_COORDINATOR_H
#define STEPS_COORDINATOR_H

#include "planner/plan/graph.h"

/* A node of the coordinator shape, head or worker: its inputs, dependencies, up and down. */

/* The port on the head that workers join. */
int coordinator_port(const struct cluster *);
void coordinator_plan(struct arena *, struct graph_builder *, struct step *, enum engine_role);
void coordinator_up(struct arena *, const struct step *, struct tasks *);
void coordinator_observe(struct arena *, struct step *, struct diags *);
void coordinator_down(struct arena *, const struct step *, struct tasks *);
extern const struct field_effect coordinator_fields[];
extern const struct kind kind_head, kind_worker;

#endif
