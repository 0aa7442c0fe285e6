#include "planner/cluster/node.h"

#include <string.h>

#include "planner/base/limits.h"
#include "planner/cluster/address.h"
#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"

bool
node_observed(const struct node *n)
{
	return n->facts && n->facts->state == FACTS_OK && n->facts->complete;
}

const char *
node_dial(const struct node *n)
{
	if (n->address)
		return n->address;
	if (!node_observed(n))
		return NULL;
	/* observe.sh prints the address of our own connection first. */
	for (size_t i = 0; i < n->facts->addr.n; i++) {
		const char *address = n->facts->addr.v[i].address;

		if (!address_is_loopback(address) && !strchr(address, ':'))
			return address;
	}
	return NULL;
}

const char *
node_dial_port(struct arena *a, const struct node *n, long long port)
{
	const char *address = node_dial(n);

	return address ? arena_printf(a, strchr(address, ':') ? "[%s]:%lld" : "%s:%lld", address,
				      port) : NULL;
}

int
node_ssh_port(const struct node *n)
{
	return n->port ? n->port : SSH_PORT;
}

const char *
node_interface(const struct node *n)
{
	const char *address = node_dial(n);

	if (!address || !node_observed(n))
		return NULL;
	for (size_t i = 0; i < n->facts->addr.n; i++)
		if (strcmp(n->facts->addr.v[i].address, address) == 0)
			return n->facts->addr.v[i].interface;
	return NULL;
}

static const char *
node_pair_value(const struct pairs *list, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].key.text, name) == 0)
			found = list->v[i].value.text ? list->v[i].value.text : "";
	return found;
}

const char *
env_value(const struct cluster *c, const struct node *n, const char *name)
{
	const char *own = n->spec ? node_pair_value(&n->spec->env, name) : NULL;

	return own ? own : node_pair_value(&c->spec->engine.env, name);
}

const struct fact_container *
find_container(const struct node *n, const char *name)
{
	if (!node_observed(n))
		return NULL;
	for (size_t i = 0; i < n->facts->container.n; i++)
		if (strcmp(n->facts->container.v[i].name, name) == 0)
			return &n->facts->container.v[i];
	return NULL;
}

bool
container_runs(const struct fact_container *c)
{
	return c && c->state && strcmp(c->state, "running") == 0;
}

static const char *
node_arch_said(const struct node *n)
{
	const char *arch = node_observed(n) ? n->facts->arch : "";

	if (strcmp(arch, "x86_64") == 0)
		return "amd64";
	return strcmp(arch, "aarch64") == 0 ? "arm64" : "";
}

const char *
node_arch(const struct cluster *c, const struct node *n)
{
	const char *arch = node_arch_said(n);

	return *arch || !c->nnode ? arch : node_arch_said(&c->node[0]);
}

const struct node *
node_alike(const struct cluster *c, const struct node *n)
{
	for (size_t i = 0; i < c->nlayout && &c->node[i] != n; i++)
		if (strcmp(node_arch(c, &c->node[i]), node_arch(c, n)) == 0)
			return &c->node[i];
	return n;
}
