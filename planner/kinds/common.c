#include "planner/kinds/common.h"

#include <stdlib.h>
#include <string.h>

#include "planner/address.h"
#include "planner/base/vec.h"

const char *
container_name(struct arena *a, const struct model *m, const char *kind)
{
	return arena_printf(a, "dray-%s-%s", m->cluster, kind);
}

bool
node_seen(const struct node *n)
{
	return n->facts && n->facts->state == FACTS_OK && n->facts->complete;
}

const char *
node_dial(const struct node *n)
{
	if (n->address)
		return n->address;
	if (!node_seen(n))
		return NULL;
	/* observe.sh puts the address that our own connection came to first. */
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

const char *
node_interface(const struct node *n)
{
	const char *address = node_dial(n);

	if (!address || !node_seen(n))
		return NULL;
	for (size_t i = 0; i < n->facts->addr.n; i++)
		if (strcmp(n->facts->addr.v[i].address, address) == 0)
			return n->facts->addr.v[i].interface;
	return NULL;
}

static const char *
pair_value(const struct pairs *list, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].key.text, name) == 0)
			found = list->v[i].value.text ? list->v[i].value.text : "";
	return found;
}

const char *
env_value(const struct model *m, const struct node *n, const char *name)
{
	const char *own = n->spec ? pair_value(&n->spec->env, name) : NULL;

	return own ? own : pair_value(&m->spec->engine.env, name);
}

static void
add_env(struct arena *a, const struct pairs *from, struct attrs *to)
{
	for (size_t i = 0; i < from->n; i++)
		attrs_add(a, to, arena_printf(a, "env.%s", from->v[i].key.text),
			  from->v[i].value.text ? from->v[i].value.text : "");
}

void
env_want(struct arena *a, const struct model *m, const struct node *n, struct attrs *to)
{
	add_env(a, &m->spec->engine.env, to);
	if (n->spec)
		add_env(a, &n->spec->env, to);
}

void
env_args(struct arena *a, struct task *t, struct attrs *from)
{
	attrs_sort(from);
	for (size_t i = 0; i < from->n; i++) {
		const struct attr *attr = &from->v[i];

		if (strncmp(attr->name, "env.", 4) != 0 || !attr->value)
			continue;
		task_arg(a, t, "-e");
		task_argf(a, t, "%s=%s", attr->name + 4, attr->value);
	}
}

static bool
same(const char *x, const char *y)
{
	return x && y && strcmp(x, y) == 0;
}

const char *
model_commit(const struct model *m)
{
	const struct node *head = m->nnode ? &m->node[0] : NULL;

	if (m->commit || !head || !node_seen(head))
		return m->commit;
	for (size_t i = 0; i < head->facts->record.n; i++) {
		struct record *r = &head->facts->record.v[i];

		if (!same(r->step, "download") || !same(r->phase, "done"))
			continue;
		if (same(attrs_value(&r->inputs, "repo", NULL), m->spec->model.repo.text) &&
		    same(attrs_value(&r->inputs, "revision", NULL), m->spec->model.revision.text))
			return attrs_value(&r->inputs, "commit", NULL);
	}
	return NULL;
}

const char *
model_inside(struct arena *a, const struct model *m, const char *commit)
{
	if (m->spec->model.path.text)
		return m->spec->model.path.text;
	return arena_printf(a, "%s/hub/%s/snapshots/%s",
			    m->runtime == RUNTIME_NONE ? m->hf_home : HF_HOME_INSIDE, m->hub, commit);
}

const char *
words_text(struct arena *a, const struct words *list)
{
	struct str s = {0};
	const char *copy;

	for (size_t i = 0; i < list->n; i++) {
		const char *word = list->v[i].text;

		if (i)
			str_putc(&s, ' ');
		if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_=+./:,@%*") == strlen(word))
			str_puts(&s, word);
		else
			str_shquote(&s, word);
	}
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

const char *
json_text(struct arena *a, const char *text)
{
	struct str s = {0};
	const char *copy;

	str_putc(&s, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			str_printf(&s, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			str_printf(&s, "\\u%04x", (unsigned)*text);
		else
			str_putc(&s, *text);
	}
	str_putc(&s, '"');
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

const char *
bytes_text(struct arena *a, long long bytes)
{
	if (bytes >= 1000000000)
		return arena_printf(a, "%.1f GB", (double)bytes / 1e9);
	if (bytes >= 1000000)
		return arena_printf(a, "%.1f MB", (double)bytes / 1e6);
	return arena_printf(a, "%lld B", bytes);
}

struct attrs
step_inputs(struct arena *a, const struct step *s)
{
	struct attrs out = {0};

	for (size_t i = 0; i < s->want.n; i++) {
		const struct attr *attr = &s->want.v[i];
		const char *value = attr->value;

		for (size_t k = 0; !value && k < s->deps.n; k++)
			if (same(s->deps.v[k].input, attr->name))
				value = s->deps.v[k].on->seen.output;
		if (!value)
			value = s->seen.output;
		if (value && attr->secret)
			attrs_add_secret(a, &out, attr->name, value);
		else if (value)
			attrs_add(a, &out, attr->name, value);
	}
	attrs_sort(&out);
	return out;
}

const struct step *
step_upstream(const struct step *s, const char *kind, const struct node *on)
{
	for (size_t i = 0; i < s->deps.n; i++) {
		const struct step *up = s->deps.v[i].on;

		if (strcmp(up->kind->name, kind) == 0 && (!on || up->node == on))
			return up;
	}
	return NULL;
}

void
problem_add(struct arena *a, struct problems *list, enum severity severity,
	    const struct node *n, const char *hint, const char *fmt, ...)
{
	struct problem *p = vec_push(a, list);
	va_list ap;

	va_start(ap, fmt);
	*p = (struct problem){severity, n, arena_vprintf(a, fmt, ap), hint};
	va_end(ap);
}

/* Two containers of one cluster: dray-<cluster>-<kind>. One that is not ours has no such
 * name in the facts, but its id. */
static bool
is_sibling(const char *name, const char *container)
{
	size_t n = (size_t)(strrchr(container, '-') - container) + 1;

	return name && strncmp(name, container, n) == 0;
}

/* By the label: the names of two clusters may begin alike. */
static bool
sibling_runs(const struct node *n, const char *container)
{
	const char *cluster = strchr(container, '-') + 1;
	size_t len = (size_t)(strrchr(container, '-') - cluster);

	for (size_t i = 0; i < n->facts->container.n; i++) {
		const struct fact_container *c = &n->facts->container.v[i];

		if (container_runs(c) && c->cluster && strlen(c->cluster) == len &&
		    memcmp(c->cluster, cluster, len) == 0)
			return true;
	}
	return false;
}

const char *
foreign_listener(struct arena *a, const struct node *n, int port, const char *container,
		 bool ours_runs)
{
	if (!node_seen(n))
		return NULL;
	for (size_t i = 0; i < n->facts->port.n; i++) {
		const struct fact_port *p = &n->facts->port.v[i];
		bool hidden = !p->pid || strcmp(p->pid, "-") == 0;

		if (p->port != port || is_sibling(p->container, container) ||
		    (hidden && (ours_runs || sibling_runs(n, container))))
			continue;
		if (hidden)
			return arena_printf(a, "port %d is taken by a process of user '%s' that "
					    "this login may not see", port, p->user);
		return arena_printf(a, "port %d is taken by pid %s of user '%s': %s%s%s", port,
				    p->pid, p->user, p->command,
				    same(p->container, "-") || !p->container ? "" : ", container ",
				    same(p->container, "-") || !p->container ? "" : p->container);
	}
	return NULL;
}
