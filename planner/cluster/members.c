/* Nodes that members.json names and the spec does not. The list comes from a node and is not
 * trusted: it may say which machine it is, but not how to reach it. */
#include <arpa/inet.h>
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/cluster/address.h"
#include "planner/base/err.h"
#include "planner/base/path.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/cluster/members.h"
#include "planner/facts/facts.h"
#include "planner/base/json.h"

enum { MAX_MEMBERS = 4096 };

/* One list while it is being merged. */
struct merging {
	struct arena *arena;
	struct cluster *cluster;
	const char *by;         /* the node that has the list */
	const json_t *nodes;
	size_t named;           /* nodes that it added */
};

/* One entry, checked. */
struct member {
	const char *name, *host, *address, *machine_id;
	struct number port;
	const char *way;        /* ssh, local, lua; in old lists the Lua file */
};

/* How a node is reached, as one word for members.json: ssh, local, lua. */
static const char *
members_way(const struct node *node)
{
	return node->way ? node->way : path_is_lua(node->executor) ? "lua"
		: path_is_ssh(node->executor) ? "ssh" : node->executor;
}

/* Only letters, digits and the others; it begins and ends with a letter or digit. */
static bool
members_is_made_of(const char *s, const char *others)
{
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++)
		if (!isascii((unsigned char)s[i]) ||
		    (!isalnum((unsigned char)s[i]) && !strchr(others, s[i])))
			return false;
	return n > 0 && n < 256 && (isalnum((unsigned char)*s) || *s == '_') &&
	       (isalnum((unsigned char)s[n - 1]) || s[n - 1] == '_');
}

/* The resolver takes "127.1" for an address, and a zone names an interface of this machine:
 * such hosts are refused. */
static bool
members_is_host(const char *host)
{
	struct in_addr address;

	if (strpbrk(host, ":%") || inet_aton(host, &address))
		return str_ip(host, NULL);
	return true;
}

/* Does it mean the machine that dials it? */
static bool
members_is_here(const char *host)
{
	static const char local[] = "localhost", other[] = "ip6-l";
	struct in6_addr six;
	size_t n = strlen(host);

	if (address_is_loopback(host) || strncmp(host, "0.", 2) == 0)
		return true;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_UNSPECIFIED(&six) || IN6_IS_ADDR_LOOPBACK(&six) ||
		       (IN6_IS_ADDR_V4MAPPED(&six) &&
			(six.s6_addr[12] == 127 || six.s6_addr[12] == 0));
	return strncasecmp(host, local, sizeof local - 1) == 0 ||
	       strncasecmp(host, other, sizeof other - 1) == 0 ||
	       (n > sizeof local && strcasecmp(host + n - sizeof local, ".localhost") == 0);
}

static void
members_read_port(struct number *port, const json_t *json)
{
	if (json_is_integer(json) && json_integer_value(json) > 0 &&
	    json_integer_value(json) < 65536)
		*port = (struct number){.value = json_integer_value(json), .set = true};
}

/* False if it does not have the name of a node. */
static bool
members_read_member(struct arena *a, const json_t *json, struct member *to)
{
	*to = (struct member){.name = json_get_text(a, json, "name"),
			      .host = json_get_text(a, json, "host"),
			      .address = json_get_text(a, json, "address"),
			      .machine_id = json_get_text(a, json, "machine_id"),
			      .way = json_get_text(a, json, "way")};
	/* Earlier versions wrote port and executor elsewhere. */
	members_read_port(&to->port, json_object_get(json_object_get(json, "ssh"), "port"));
	members_read_port(&to->port, json_object_get(json, "port"));
	if (!to->way)
		to->way = json_get_text(a, json, "executor");
	if (!to->way)
		to->way = "ssh";
	if (to->address && !str_ip(to->address, NULL))
		to->address = NULL;
	return members_is_made_of(to->name, "_.:%@-") && members_is_made_of(to->host, "_.:%-");
}

/* ---- is it known already? ---- */

/* The same host and port: several machines may share a host, on different ports. */
static bool
members_same_way(const struct node *node, const struct member *member)
{
	const struct spec_node *own = node->spec ? node->spec : node->member;
	const struct number none = {0}, *port = own ? &own->ssh.port : &none;

	return strcmp(node->host, member->host) == 0 && port->set == member->port.set &&
	       (!port->set || port->value == member->port.value);
}

/* Cloned disks and containers of one image share a machine-id. */
static bool
members_is_unique(const json_t *nodes, const char *machine_id)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(nodes) && i < MAX_MEMBERS; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(nodes, i),
								   "machine_id"));

		n += id && strcmp(id, machine_id) == 0;
	}
	return n == 1;
}

/* Does the cluster have this machine already? The same host and port means the same machine.
 * Otherwise the machine-id decides if both are known, else the name: if a name moved to another
 * machine, the old machine is left behind. A node under `left` counts whatever its host was. */
static bool
members_is_known(const struct merging *g, const struct member *member)
{
	const struct cluster *c = g->cluster;
	const char *machine_id = member->machine_id;

	for (size_t i = 0; i < c->nnode; i++)
		if (members_same_way(&c->node[i], member) ||
		    (c->node[i].left && strcmp(c->node[i].name, member->name) == 0))
			return true;
	if (machine_id && (!*machine_id || !members_is_unique(g->nodes, machine_id)))
		machine_id = NULL;
	for (size_t i = 0; i < c->nnode; i++) {
		const struct node *node = &c->node[i];
		const char *id = node->facts && node->facts->state == FACTS_OK
			? node->facts->machine_id : NULL;

		if (machine_id && id && *id ? strcmp(id, machine_id) == 0
					    : strcmp(node->name, member->name) == 0)
			return true;
	}
	return false;
}

static bool
members_name_taken(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->nnode; i++)
		if (strcmp(c->node[i].name, name) == 0)
			return true;
	return false;
}

/* ---- how it is reached ---- */

/* The Lua file of the spec's nodes that is meant; NULL with e set. A Lua file may go by labels,
 * and those of a node that left are gone. */
static const char *
members_find_lua(const struct cluster *c, const char *way, struct err *e)
{
	const char *file = NULL;

	for (size_t i = 0; i < c->nspec; i++) {
		const struct node *n = &c->node[i];

		if (!path_is_lua(n->executor) ||
		    (path_is_lua(way) && strcmp(n->executor, way) != 0))
			continue;
		if (n->spec && n->spec->labels.n)
			err_set(e, "it was reached through a Lua file, and '%s' may need the labels that "
				"left the spec with it", n->executor);
		else if (file && strcmp(file, n->executor) != 0)
			err_set(e, "it was reached through a Lua file, but the spec has several");
		else
			file = n->executor;
	}
	if (!file && !*e->text)
		err_set(e, "it was reached through a Lua file that no node of the spec has");
	return *e->text ? NULL : file;
}

/* The first executor of the spec's nodes that logs in to an sshd; NULL: there is none. */
static const char *
members_find_ssh(const struct cluster *c)
{
	for (size_t i = 0; i < c->nspec; i++)
		if (path_is_ssh(c->node[i].executor))
			return c->node[i].executor;
	return NULL;
}

/* The executor, from what the spec says of its own nodes; NULL with e set. */
static const char *
members_find_way(const struct cluster *c, const struct member *member, struct err *e)
{
	if (strcmp(member->way, "local") == 0)
		err_set(e, "it was reached by executor local, but dray opens no shell on this machine "
			"because a node says so");
	else if (!members_is_host(member->host))
		err_set(e, "its host is neither a name nor an address");
	else if (members_is_here(member->host))
		err_set(e, "its host '%s' is this machine, and dray opens no shell here because a node "
			"says so", member->host);
	else if (strcmp(member->way, "lua") == 0 || path_is_lua(member->way))
		return members_find_lua(c, member->way, e);
	else if (strcmp(member->way, "ssh") != 0)
		err_set(e, "it was reached by an executor that this dray does not know");
	else if (!members_find_ssh(c))
		err_set(e, "it was reached by ssh, but no node of the spec is");
	return *e->text ? NULL : members_find_ssh(c);
}

/* ---- into the cluster ---- */

/* The copy of the file that a node of the spec already has. */
static const struct spec_file *
members_file_of(const struct cluster *c, const char *executor)
{
	for (size_t i = 0; executor && i < c->nspec; i++)
		if (strcmp(c->node[i].executor, executor) == 0)
			return c->node[i].file;
	return NULL;
}

static struct node *
members_push(struct arena *a, struct cluster *c)
{
	if (c->nnode == c->capnode) {
		c->capnode = c->capnode ? 2 * c->capnode : 16;
		c->node = arena_grow(a, c->node, c->nnode * sizeof *c->node,
				     c->capnode * sizeof *c->node);
	}
	return &c->node[c->nnode++];
}

static void
members_append(struct merging *g, const struct member *member, const char *name)
{
	struct arena *a = g->arena;
	struct cluster *c = g->cluster;
	struct spec_node *spec = ar_new(a, struct spec_node);
	size_t rank = c->nnode;
	struct err e = {0};
	const char *executor = members_find_way(c, member, &e);
	const char *way = strcmp(member->way, "ssh") == 0 || strcmp(member->way, "local") == 0
		? member->way : "lua";

	*spec = (struct spec_node){.name.text = name, .host.text = member->host,
		.address.text = member->address};
	/* The spec decides on user and key. */
	if (c->spec)
		spec->ssh = c->spec->ssh;
	spec->ssh.port = member->port;
	*members_push(a, c) = (struct node){.name = name,
					    .member = spec,
					    .host = member->host,
					    .address = member->address,
					    .executor = executor ? executor : "",
					    .way = way,
					    .named_by = g->by,
					    .no_way = executor ? NULL : arena_strdup(a, e.text),
					    .machine_id = member->machine_id,
					    .folder = c->folder,
					    .file = members_file_of(c, executor),
					    .role = ROLE_WORKER,
					    .rank = rank,
					    .gpus = -1};
	g->named++;
}

/* False: no more entries of this list are taken. */
static bool
members_take(struct merging *g, const json_t *json)
{
	struct cluster *c = g->cluster;
	struct member member;
	const char *name;

	if (!members_read_member(g->arena, json, &member) || members_is_known(g, &member))
		return true;
	/* Another machine has the name now: both need a name of their own. */
	name = member.name;
	if (members_name_taken(c, name))
		name = arena_printf(g->arena, "%s@%s", name, member.host);
	if (members_name_taken(c, name) || !members_is_made_of(name, "_.:%@-"))
		return true;
	if (g->named < MEMBERS_OF_ONE && c->nnode - c->nspec < MEMBERS_IN_ALL) {
		members_append(g, &member, name);
		return true;
	}
	if (!c->ncut++)
		c->cut_by = g->by;
	return false;
}

void
members_merge(struct arena *a, struct cluster *c, const char *by, const char *text, size_t n)
{
	json_t *json = json_read_object(text, n);
	const json_t *nodes = json_object_get(json, "nodes");
	const char *cluster = json_string_value(json_object_get(json, "cluster"));
	struct merging g = {.arena = a, .cluster = c, .by = by, .nodes = nodes};
	bool more = cluster && c->name && strcmp(cluster, c->name) == 0;

	for (size_t i = 0; more && i < json_array_size(nodes) && i < MAX_MEMBERS; i++)
		more = members_take(&g, json_array_get(nodes, i));
	json_decref(json);
}

/* Which machine it is. Of how it is reached only the kind is stored; each spec says the rest. */
static json_t *
members_node(const struct node *node)
{
	const struct spec_node *how = node->spec ? node->spec : node->member;
	const char *id = node->facts ? node->facts->machine_id : NULL;
	json_t *json = json_object();

	json_set_text(json, "name", node->name);
	json_set_text(json, "host", node->host);
	json_set_text(json, "address", node->address);
	if (how && how->ssh.port.set)
		json_object_set_new(json, "port", json_integer(how->ssh.port.value));
	if (!id || !*id)
		id = node->machine_id;
	if (id && *id)
		json_set_text(json, "machine_id", id);
	json_set_text(json, "way", members_way(node));
	if (node->facts)
		json_set_text(json, "owner", node->facts->owner);
	return json;
}

const char *
members_write(struct arena *a, const struct cluster *c, const char *apply_id)
{
	json_t *json = json_pack("{s:i}", "v", 1), *nodes = json_array();

	json_set_text(json, "cluster", c->name);
	json_set_text(json, "apply_id", apply_id);
	for (size_t i = 0; i < c->nnode; i++)
		if (!c->node[i].forget)
			json_array_append_new(nodes, members_node(&c->node[i]));
	json_object_set_new(json, "nodes", nodes);
	return json_line(a, json);
}

const char *
members_apply(struct arena *a, const char *text)
{
	json_t *json = text ? json_read_object(text, strlen(text)) : NULL;
	const char *id = json_get_text(a, json, "apply_id");

	json_decref(json);
	return id;
}
