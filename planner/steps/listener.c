/* Who listens on a port that a step needs. */
#include "planner/steps/listener.h"

#include <string.h>

/* Do both names have the form dray-<cluster>-<kind>, for one cluster? Facts name a foreign
 * container by its id. */
static bool
listener_is_sibling(const char *name, const char *container)
{
	size_t n = (size_t)(strrchr(container, '-') - container) + 1;

	return name && strncmp(name, container, n) == 0;
}

/* Goes by the label: names of two clusters may begin alike. */
static bool
listener_sibling_runs(const struct node *n, const char *container)
{
	const char *cluster = strchr(container, '-') + 1;
	size_t len = (size_t)(strrchr(container, '-') - cluster);

	for (size_t i = 0; i < n->facts->container.n; i++) {
		const struct fact_container *c = &n->facts->container.v[i];

		if (container_runs(c) && c->cluster && !c->foreign && strlen(c->cluster) == len &&
		    memcmp(c->cluster, cluster, len) == 0)
			return true;
	}
	return false;
}

const char *
foreign_listener(struct arena *a, const struct node *n, int port, const char *container,
		 bool ours_runs)
{
	if (!node_observed(n))
		return NULL;
	for (size_t i = 0; i < n->facts->port.n; i++) {
		const struct fact_port *p = &n->facts->port.v[i];
		bool hidden = !p->pid || strcmp(p->pid, "-") == 0;

		if (p->port != port || listener_is_sibling(p->container, container) ||
		    (hidden && (ours_runs || listener_sibling_runs(n, container))))
			continue;
		if (hidden)
			return arena_printf(a, "port %d is taken by a process of user '%s' that "
					    "this login cannot see", port, p->user);
		return arena_printf(
			a, "port %d is taken by pid %s of user '%s': %s%s%s", port, p->pid, p->user,
			p->command,
			!p->container || strcmp(p->container, "-") == 0 ? "" : ", container ",
			!p->container || strcmp(p->container, "-") == 0 ? "" : p->container);
	}
	return NULL;
}
