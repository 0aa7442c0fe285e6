/* What dray leaves on a node, as JSON: the inputs of a step, its record, and the list
 * of members. Read back from a node it is foreign text like any other. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/facts.h"
#include "planner/json.h"

enum { MAX_JSON = 1024 * 1024, MAX_MEMBERS = 4096, MAX_LABELS = 64 };

static const char *
dump(struct arena *a, json_t *json)
{
	char *s = json_dumps(json, JSON_COMPACT);
	const char *copy = arena_strdup(a, s ? s : "{}");

	free(s);
	json_decref(json);
	return copy;
}

static json_t *
load(const char *text, size_t n)
{
	json_t *json = n > MAX_JSON ? NULL
				    : json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *
from_attrs(struct arena *a, const struct attrs *attrs)
{
	struct attrs sorted = *attrs;
	json_t *json = json_object();

	sorted.v = arena_grow(a, attrs->v, attrs->n * sizeof *attrs->v,
			      (attrs->n + 1) * sizeof *attrs->v);
	attrs_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++) {
		const struct attr *attr = &sorted.v[i];
		json_t *value = json_kept(attr->value);

		if (attr->secret)
			value = json_pack("{s:o}", "mac", value);
		json_object_set_new(json, attr->name, value);
	}
	return json;
}

static bool
to_attrs(struct arena *a, json_t *json, struct attrs *attrs)
{
	const char *name;
	json_t *value;
	bool ok = json_is_object(json);

	json_object_foreach(json, name, value) {
		if (json_is_string(value))
			attrs_add(a, attrs, name, json_string_value(value));
		else if (json_is_null(value))
			attrs_add(a, attrs, name, NULL);
		else if (json_is_string(json_object_get(value, "mac")))
			attrs_add_secret(a, attrs, name,
					 json_string_value(json_object_get(value, "mac")));
		else
			ok = false;
	}
	attrs_sort(attrs);
	return ok;
}

const char *
inputs_write(struct arena *a, const struct attrs *attrs)
{
	return dump(a, from_attrs(a, attrs));
}

bool
inputs_read(struct arena *a, const char *text, size_t n, struct attrs *attrs)
{
	json_t *json = load(text, n);
	bool ok = json && to_attrs(a, json, attrs);

	json_decref(json);
	return ok;
}

static void
set(json_t *json, const char *name, const char *value)
{
	if (value)
		json_object_set_new(json, name, json_kept(value));
}

static const char *
get(struct arena *a, const json_t *json, const char *name)
{
	const char *s = json_string_value(json_object_get(json, name));

	return s ? arena_strdup(a, s) : NULL;
}

const char *
record_write(struct arena *a, const struct record *r)
{
	json_t *json = json_pack("{s:i}", "v", 1);

	set(json, "step", r->step);
	set(json, "node", r->node);
	set(json, "kind", r->kind);
	set(json, "phase", r->phase);
	set(json, "apply_id", r->apply_id);
	set(json, "at", r->at);
	set(json, "instance", r->instance);
	set(json, "output", r->output);
	json_object_set_new(json, "inputs", from_attrs(a, &r->inputs));
	json_object_set_new(json, "bound", from_attrs(a, &r->bound));
	json_object_set_new(json, "down", from_attrs(a, &r->down));
	return dump(a, json);
}

struct record *
record_read(struct arena *a, const char *text, size_t n)
{
	json_t *json = load(text, n);
	struct record *r = NULL;
	const char *phase = json_string_value(json_object_get(json, "phase"));

	if (!phase || !json_is_string(json_object_get(json, "step")) ||
	    (strcmp(phase, "intent") != 0 && strcmp(phase, "done") != 0))
		goto out;
	r = ar_new(a, struct record);
	*r = (struct record){
		.step = get(a, json, "step"), .node = get(a, json, "node"),
		.kind = get(a, json, "kind"), .phase = get(a, json, "phase"),
		.apply_id = get(a, json, "apply_id"), .at = get(a, json, "at"),
		.instance = get(a, json, "instance"), .output = get(a, json, "output"),
	};
	to_attrs(a, json_object_get(json, "inputs"), &r->inputs);
	to_attrs(a, json_object_get(json, "bound"), &r->bound);
	to_attrs(a, json_object_get(json, "down"), &r->down);
out:
	json_decref(json);
	return r;
}

static bool
is_lua(const char *executor)
{
	size_t n = executor ? strlen(executor) : 0;

	return n > 4 && strcmp(executor + n - 4, ".lua") == 0;
}

static json_t *
from_node(const struct node *node)
{
	const struct spec_node *how = node->spec ? node->spec : node->member;
	json_t *json = json_object(), *ssh = json_object();

	set(json, "name", node->name);
	set(json, "host", node->host);
	set(json, "address", node->address);
	set(json, "executor", node->executor);
	if (node->facts && node->facts->machine_id && *node->facts->machine_id)
		set(json, "machine_id", node->facts->machine_id);
	if (how) {
		set(ssh, "user", how->ssh.user.text);
		set(ssh, "identity", how->ssh.identity.text);
		set(ssh, "config", how->ssh.config.text);
		set(ssh, "known_hosts", how->ssh.known_hosts.text);
		if (how->ssh.port.set)
			json_object_set_new(ssh, "port", json_integer(how->ssh.port.value));
	}
	json_object_set_new(json, "ssh", ssh);
	/* What connect() of its executor goes by. */
	if (how && is_lua(node->executor) && how->labels.n) {
		json_t *labels = json_object();

		for (size_t i = 0; i < how->labels.n; i++)
			set(labels, how->labels.v[i].key.text, how->labels.v[i].value.text);
		json_object_set_new(json, "labels", labels);
	}
	return json;
}

const char *
lock_holder(struct arena *a, const char *info)
{
	json_t *json = info ? load(info, strlen(info)) : NULL;
	const char *who = NULL, *host = NULL, *since = NULL, *apply = NULL, *text;
	struct str safe = {0};
	int pid = 0;

	if (json && json_unpack(json, "{s:s, s:s, s:i, s:s, s:s}", "who", &who, "host", &host,
				"pid", &pid, "since", &since, "apply", &apply) == 0)
		text = arena_printf(a, "%s on %s, process %d, since %s (apply %s)", who, host, pid,
				    since, apply);
	else
		text = info && *info && strcmp(info, "-") != 0 ? info
							       : "somebody (no name was left)";
	str_safe(&safe, text, strcspn(text, "\n"));
	text = arena_strdup(a, str_text(&safe));
	str_release(&safe);
	json_decref(json);
	return text;
}

const char *
members_write(struct arena *a, const struct model *m, const char *apply_id)
{
	json_t *json = json_pack("{s:i}", "v", 1), *nodes = json_array();

	set(json, "cluster", m->cluster);
	set(json, "apply_id", apply_id);
	for (size_t i = 0; i < m->nnode; i++)
		if (!m->node[i].forget)
			json_array_append_new(nodes, from_node(&m->node[i]));
	json_object_set_new(json, "nodes", nodes);
	return dump(a, json);
}

/* The same way to a machine: behind one host there are several at different ports. */
static bool
same_way(const struct node *node, const struct spec_node *member)
{
	const struct spec_node *own = node->spec ? node->spec : node->member;
	const struct number none = {0}, *port = own ? &own->ssh.port : &none;

	return strcmp(node->host, member->host.text) == 0 &&
	       port->set == member->ssh.port.set &&
	       (!port->set || port->value == member->ssh.port.value);
}

/* Cloned disks, and containers of one image, have their machine-id in common. */
static bool
is_unique(const json_t *nodes, const char *machine_id)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(nodes) && i < MAX_MEMBERS; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(nodes, i),
								   "machine_id"));

		n += id && strcmp(id, machine_id) == 0;
	}
	return n == 1;
}

/* Does the model have this machine? The same way leads to the same one as far as we can
 * reach it; then the machine-id decides where both are known, else the name: a name
 * that moved to another machine leaves the old one behind. */
static bool
is_known(const struct model *m, const struct spec_node *member, const json_t *nodes,
	 const char *machine_id)
{
	for (size_t i = 0; i < m->nnode; i++)
		if (same_way(&m->node[i], member))
			return true;
	if (machine_id && (!*machine_id || !is_unique(nodes, machine_id)))
		machine_id = NULL;
	for (size_t i = 0; i < m->nnode; i++) {
		const struct node *node = &m->node[i];
		const char *id = node->facts && node->facts->state == FACTS_OK
			? node->facts->machine_id : NULL;

		if (machine_id && id && *id ? strcmp(id, machine_id) == 0
					    : strcmp(node->name, member->name.text) == 0)
			return true;
	}
	return false;
}

static struct spec_node *
member_spec(struct arena *a, json_t *json)
{
	struct spec_node *spec = ar_new(a, struct spec_node);
	const json_t *ssh = json_object_get(json, "ssh"), *port = json_object_get(ssh, "port");
	const char *key;
	json_t *label;

	*spec = (struct spec_node){.name.text = get(a, json, "name"),
		.host.text = get(a, json, "host"), .address.text = get(a, json, "address"),
		.executor.text = get(a, json, "executor"),
		.ssh = {.user.text = get(a, ssh, "user"),
			.identity.text = get(a, ssh, "identity"),
			.config.text = get(a, ssh, "config"),
			.known_hosts.text = get(a, ssh, "known_hosts")}};
	if (json_is_integer(port) && json_integer_value(port) > 0 &&
	    json_integer_value(port) < 65536) {
		spec->ssh.port.value = json_integer_value(port);
		spec->ssh.port.set = true;
	}
	json_object_foreach(json_object_get(json, "labels"), key, label) {
		if (json_is_string(label) && spec->labels.n < MAX_LABELS)
			*vec_push(a, &spec->labels) = (struct pair){
				.key.text = arena_strdup(a, key),
				.value.text = arena_strdup(a, json_string_value(label))};
	}
	return spec;
}

static bool
name_taken(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->nnode; i++)
		if (strcmp(m->node[i].name, name) == 0)
			return true;
	return false;
}

static bool
is_name(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f || s[i] == '"' || s[i] == '/')
			return false;
	/* Nor is it an option of whatever program gets it. */
	return n > 0 && n < 256 && *s != '-';
}

/* A Lua file decides what is run here: only one below the spec's folder, or one that the
 * spec itself names, can be meant by what a node says. */
static bool
may_execute(const struct model *m, const char *executor)
{
	if (!is_lua(executor))
		return true;
	for (size_t i = 0; i < m->nspec; i++)
		if (strcmp(m->node[i].executor, executor) == 0)
			return true;
	for (const char *part = executor; *part != '/' && strncmp(part, "../", 3) != 0; part++) {
		part = strchr(part, '/');
		if (!part)
			return true;
	}
	return false;
}

static void
append(struct arena *a, struct model *m, const json_t *nodes, json_t *json)
{
	const struct spec_node *spec = member_spec(a, json);
	const char *name = spec->name.text, *host = spec->host.text;
	const char *executor = spec->executor.text;

	if (!is_name(name) || !is_name(host) || (executor && !may_execute(m, executor)) ||
	    is_known(m, spec, nodes, json_string_value(json_object_get(json, "machine_id"))))
		return;
	/* The name lives on with another machine: both must have addresses of their own. */
	if (name_taken(m, name))
		name = arena_printf(a, "%s@%s", name, host);
	if (name_taken(m, name))
		return;
	if (m->nnode == m->capnode) {
		m->capnode = m->capnode ? 2 * m->capnode : 16;
		m->node = arena_grow(a, m->node, m->nnode * sizeof *m->node,
				     m->capnode * sizeof *m->node);
	}
	m->node[m->nnode] = (struct node){.name = name, .member = spec, .host = host,
		.address = spec->address.text, .executor = executor ? executor : "ssh",
		.folder = m->folder,
		.role = ROLE_WORKER, .rank = m->nnode, .gpus = -1};
	m->nnode++;
}

void
members_merge(struct arena *a, struct model *m, const char *text, size_t n)
{
	json_t *json = load(text, n);
	const json_t *nodes = json_object_get(json, "nodes");
	const char *cluster = json_string_value(json_object_get(json, "cluster"));

	if (cluster && m->cluster && strcmp(cluster, m->cluster) == 0)
		for (size_t i = 0; i < json_array_size(nodes) && i < MAX_MEMBERS; i++)
			append(a, m, nodes, json_array_get(nodes, i));
	json_decref(json);
}
