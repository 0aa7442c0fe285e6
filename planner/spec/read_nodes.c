/* The list under nodes:. One entry with a host range becomes several nodes. */
#include <string.h>

#include "planner/base/path.h"
#include "planner/base/vec.h"
#include "planner/spec/range.h"
#include "planner/spec/read.h"

/* An entry before its ranges are expanded. */
struct entry {
	struct spec_node node;
	const struct tree *tree;
	bool no_host;           /* it needs only a name */
};

/* The names that a range field stands for; false after an error. */
static bool
read_nodes_names(struct reading *r, const struct field *f, const struct tree *value,
		 const char *text, struct range_names *out)
{
	struct range_error e;

	if (r->as_is)
		return read_check(r, f, f->name, text, value->at);
	if (!range_expand(r->arena, text, out, &e)) {
		diag_error(r->d, tree_find(value, e.part, e.len), "'%s': %s", f->name, e.why);
		return false;
	}
	for (size_t i = 0; i < out->n; i++)
		if (!read_check(r, f, f->name, out->v[i], value->at))
			return false;
	return true;
}

static struct word *
read_nodes_word_of(struct spec_node *node, const struct field *f)
{
	return (struct word *)(void *)((char *)node + f->offset);
}

/* Fills what the node's ssh: does not say from the cluster's ssh:. */
static void
read_nodes_inherit(struct spec_ssh *own, const struct spec_ssh *common)
{
	struct word *const mine[] = {&own->user, &own->identity, &own->config, &own->known_hosts};
	const struct word *const all[] = {&common->user, &common->identity, &common->config,
		&common->known_hosts};

	for (size_t i = 0; i < countof(mine); i++)
		if (!mine[i]->text)
			*mine[i] = *all[i];
	if (!own->port.set)
		own->port = common->port;
	if (!own->connect_timeout.set)
		own->connect_timeout = common->connect_timeout;
}

/* One entry -> one node per name of its range; false: an error, no nodes are added. */
static bool
read_nodes_expand(struct reading *r, const struct field_group *g, struct entry *e, struct spec *out)
{
	struct range_names all[8] = {0};
	const struct field *field[8];
	size_t n = 0, count = 0;

	for (const struct field *f = g->field; f->name; f++) {
		const struct tree *value = e->tree->type == TREE_MAP ? read_find(e->tree, f->name)
								     : e->tree;
		const char *text = read_nodes_word_of(&e->node, f)->text;

		if (!(f->flags & FIELD_RANGE))
			continue;
		if (text && value && !read_nodes_names(r, f, value, text, &all[n]))
			return false;
		field[n++] = f;
	}
	/* The first range field is host; without a host, the name counts. */
	for (size_t k = 0; k < 2 && !count; k++)
		count = all[k].n;
	count = count ? count : 1;
	for (size_t k = 1; k < n; k++) {
		if (!all[k].n || all[k].n == count)
			continue;
		diag_error(r->d, read_nodes_word_of(&e->node, field[k])->at,
			   "'%s' stands for %zu node%s, '%s' for %zu", field[k]->name, all[k].n,
			   all[k].n == 1 ? "" : "s", all[0].n ? "host" : "name", count);
		return false;
	}
	if (out->nnode + count > RANGE_MAX) {
		diag_error(r->d, e->node.at, "more than %d nodes", RANGE_MAX);
		return false;
	}
	if (out->nnode + count > out->capnode) {
		out->capnode = 2 * (out->nnode + count);
		out->node = arena_grow(r->arena, out->node, out->nnode * sizeof *out->node,
				       out->capnode * sizeof *out->node);
	}
	for (size_t i = 0; i < count; i++) {
		struct spec_node *node = &out->node[out->nnode++];

		*node = e->node;
		for (size_t k = 0; k < n; k++)
			if (all[k].n)
				read_nodes_word_of(node, field[k])->text = all[k].v[i];
		if (!node->name.text && !node->name.at.line)
			node->name = node->host;
		if (e->no_host)
			node->host = node->name;
	}
	return out->node[out->nnode - 1].name.text;
}

/* False if the names of its nodes are not all known. */
static bool
read_nodes_entry(struct reading *r, const struct field *f, const struct tree *t, struct spec *out)
{
	struct entry e = {.tree = t};

	if (t->type == TREE_BAD)
		return false;
	read_defaults(f->group, &e.node);
	e.node.at = t->at;
	if (t->type == TREE_MAP && t->n == 1 && read_has_unknown(f->group, t) &&
	    (t->item[0]->type == TREE_MAP || tree_is_empty(t->item[0]))) {
		diag_error(r->d, t->key[0]->at, "unknown key '%.60s' in 'nodes' (if it is a host: '- {host: %.60s}')",
			   t->key[0]->text, t->key[0]->text);
		return false;
	}
	if (t->type == TREE_MAP) {
		read_group(r, f->group, t, &e.node);
	} else if (t->type == TREE_TEXT && !tree_is_empty(t)) {
		e.node.host = (struct word){read_expand(r, t), t->at};
	} else {
		diag_error(r->d, t->at, t->type == TREE_LIST ? "a node must be a host or a map, "
			   "not a list" : "this node is empty");
		return false;
	}
	if (!e.node.host.text && !e.node.host.at.line) {
		if (e.node.executor.text && strcmp(e.node.executor.text, "local") == 0)
			e.node.host = (struct word){"localhost", t->at};
		else if (path_is_lua(e.node.executor.text) && e.node.name.at.line)
			e.no_host = true;
		else
			diag_error(r->d, t->at, "'host' is missing in this node");
	}
	return read_nodes_expand(r, f->group, &e, out);
}

/* ": [gpu-1]", or what a map of hosts is here. */
static const char *
read_nodes_as_list(struct reading *r, const struct tree *t)
{
	if (t->type == TREE_TEXT && strlen(t->text) < 100 && !strpbrk(t->text, "[]{}"))
		return arena_printf(r->arena, ": [%s]", t->text);
	if (t->type == TREE_MAP && t->n && t->key[0]->type == TREE_TEXT && strlen(t->key[0]->text) < 100)
		return arena_printf(r->arena, ", each with a '-' before it: - {host: %s}", t->key[0]->text);
	return ": [gpu-1, gpu-2]";
}

void
read_nodes_of(struct reading *r, const struct field *f, const struct tree *t, struct spec *out)
{
	if (t->type == TREE_BAD)
		return;
	if (t->type != TREE_LIST) {
		if (tree_is_empty(t))
			diag_error(r->d, t->at, "'%s' has no value", f->name);
		else
			diag_error(r->d, t->at, "'%s' must be a list of hosts%s", f->name, read_nodes_as_list(r, t));
		return;
	}
	if (t->n == 0 && f->type == FIELD_NODES)
		diag_error(r->d, t->at, "'nodes' is empty");
	for (size_t i = 0; i < t->n; i++)
		if (!read_nodes_entry(r, f, t->item[i], out))
			out->nodes_lost = true;
	for (size_t i = 1; i < out->nnode; i++)
		for (size_t k = 0; k < i; k++) {
			struct spec_node *x = &out->node[k], *y = &out->node[i];

			if (x->host.text && y->host.text && strcmp(x->host.text, y->host.text) == 0)
				x->host_shared = y->host_shared = true;
		}
}

void
read_left(struct reading *r, const struct field *f, const struct tree *t, struct spec *out)
{
	struct spec left = {0};

	if (!tree_is_empty(t))
		read_nodes_of(r, f, t, &left);
	out->left.v = left.node;
	out->left.n = left.nnode;
	out->left.cap = left.capnode;
}

/* Does the map name a Lua file, and not hosts? */
static bool
read_nodes_is_source(const struct tree *map)
{
	for (const struct field *f = inventory_fields.field; f->name; f++)
		if (read_find(map, f->name))
			return true;
	for (size_t i = 0; i < map->n; i++)
		if (map->item[i]->type == TREE_TEXT && !tree_is_empty(map->item[i]))
			return true;
	return map->n == 0;
}

/* A map names the Lua file that gives the list. It runs after the whole spec was read. */
void
read_nodes(struct reading *r, const struct field *f, const struct tree *t, struct spec *out)
{
	size_t before = r->d->nerror;

	out->nodes_at = t->at;
	if (t->type != TREE_MAP || !read_nodes_is_source(t)) {
		read_nodes_of(r, f, t, out);
		return;
	}
	read_group(r, &inventory_fields, t, out);
	r->ask = r->d->nerror == before && out->inventory.text &&
		 !(out->inventory_config && read_is_bad(out->inventory_config));
}

void
read_inherit(struct spec *s)
{
	for (size_t i = 0; i < s->nnode; i++)
		read_nodes_inherit(&s->node[i].ssh, &s->ssh);
	for (size_t i = 0; i < s->left.n; i++)
		read_nodes_inherit(&s->left.v[i].ssh, &s->ssh);
}
