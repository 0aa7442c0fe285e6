/* The registry, and the checks of nodes, model and layout. See also checks_engine.c. */
#include "planner/spec/checks.h"

#include <stdarg.h>
#include <string.h>

#include "planner/base/path.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/spec/fields.h"
#include "planner/spec/places.h"

_Static_assert(CHECK_COUNT <= 64, "struct checking has one bit a check");

#define AFTER(name) (UINT64_C(1) << CHECK_##name)
#define ERROR true
#define WARNING false
const struct check checks[CHECK_COUNT] = {
#define CHECK(name, level, after, doc) {#name, doc, level, after, check_##name},
#include "planner/spec/checks.def"
#undef CHECK
};
#undef AFTER
#undef ERROR
#undef WARNING

void
check_fail(struct checking *c, struct loc at, const char *fmt, ...)
{
	const struct check *check = &checks[c->now];
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(c->d->arena, fmt, ap);
	va_end(ap);
	(check->is_error ? diag_error : diag_warning)(c->d, at, "%s [%s]", text, check->name);
	c->failed |= UINT64_C(1) << c->now;
}

void
checks_run(const struct spec *s, struct diags *d)
{
	struct checking c = {.spec = s, .d = d, .clean = d->nerror == 0};

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		c.now = (enum check_id)i;
		if (checks[i].after & c.failed)
			c.failed |= UINT64_C(1) << i;
		else
			checks[i].run(&c);
	}
}

bool was_given(const struct word *w) { return w->text || w->at.line; }
bool number_given(const struct number *n) { return n->set || n->at.line; }
bool word_is(const struct word *w, const char *text) { return w->text && strcmp(w->text, text) == 0; }

static const struct word *
checks_address_of(const struct spec_node *n)
{
	if (was_given(&n->address))
		return n->address.text ? &n->address : NULL;
	return n->host.text && !n->host_shared && str_ip(n->host.text, NULL) ? &n->host : NULL;
}

static const char say_address[] = " (set 'address' to one that the other nodes can dial)";

void
check_host_port(struct checking *c)
{
	for (size_t i = 0; i < c->spec->nnode; i++) {
		const struct word *host = &c->spec->node[i].host;

		if (host->text && strchr(host->text, ':') && !strchr(host->text, '%') &&
		    !str_ip(host->text, NULL))
			check_fail(c, host->at, "host '%s' is not an IPv6 address (a port goes under "
				   "ssh: {port: ...})", host->text);
	}
}

void
check_host_range(struct checking *c)
{
	for (size_t i = 0; i < c->spec->nnode; i++) {
		const struct word *host = &c->spec->node[i].host;
		const char *dash = host->text ? strchr(host->text, '-') : NULL, *last;

		if (host->text && strstr(host->text, ".."))
			check_fail(c, host->at, "host '%s' is not a host name%s", host->text,
				   meant_host(c->d->arena, host->text));
		if (!dash || strspn(host->text, "0123456789.") != (size_t)(dash - host->text) ||
		    !dash[1] || strspn(dash + 1, "0123456789") != strlen(dash + 1))
			continue;
		last = strrchr(host->text, '.');
		if (last && last < dash)
			check_fail(c, host->at, "host '%s' is not an address (a range is written '%.*s[%s]')",
				   host->text, (int)(last + 1 - host->text), host->text, last + 1);
	}
}

void
check_unique_node_names(struct checking *c)
{
	const struct spec *s = c->spec;

	for (size_t i = 1; i < s->nnode; i++)
		for (size_t k = 0; k < i; k++) {
			const struct word *a = &s->node[k].name, *b = &s->node[i].name;

			if (!a->text || !b->text || strcmp(a->text, b->text) != 0)
				continue;
			/* Without names, the same host twice is for unique_hosts to report. */
			if (a->text == s->node[k].host.text && b->text == s->node[i].host.text &&
			    s->node[i].ssh.port.value == s->node[k].ssh.port.value)
				continue;
			check_fail(c, b->at, "two nodes are called '%s'", b->text);
			diag_note(c->d, a->at, "the first one");
			break;
		}
}

void
check_unique_hosts(struct checking *c)
{
	const struct spec *s = c->spec;

	for (size_t i = 1; i < s->nnode; i++)
		for (size_t k = 0; k < i; k++) {
			const struct spec_node *a = &s->node[k], *b = &s->node[i];

			if (!a->host.text || !b->host.text || strcmp(a->host.text, b->host.text) != 0 ||
			    a->ssh.port.value != b->ssh.port.value)
				continue;
			check_fail(c, b->host.at, "host '%s' is listed twice", b->host.text);
			diag_note(c->d, a->host.at, "the first time");
			break;
		}
}

void
check_one_local(struct checking *c)
{
	const struct spec_node *first = NULL;

	for (size_t i = 0; i < c->spec->nnode; i++) {
		const struct spec_node *n = &c->spec->node[i];

		if (!n->executor.text || strcmp(n->executor.text, "local") != 0)
			continue;
		if (first) {
			check_fail(c, n->executor.at, "only one node can have executor local: it is "
				   "this machine");
			diag_note(c->d, first->executor.at, "the first one");
		}
		first = first ? first : n;
	}
}

static bool
checks_same_text(const struct word *a, const struct word *b)
{
	return a->text && b->text && strcmp(a->text, b->text) == 0;
}

void
check_left_nodes(struct checking *c)
{
	const struct spec *s = c->spec;

	for (size_t i = 0; i < s->left.n; i++)
		for (size_t k = 0; k < s->nnode + i; k++) {
			const struct spec_node *mine = &s->left.v[i];
			const struct spec_node *other = k < s->nnode ? &s->node[k]
								     : &s->left.v[k - s->nnode];
			bool alike = checks_same_text(&mine->executor, &other->executor);
			const char *what = NULL;

			if (checks_same_text(&mine->name, &other->name))
				what = "another node has the same name";
			else if (alike && strcmp(mine->executor.text, "local") == 0)
				what = "another node has executor local: both would be this machine";
			else if (path_is_ssh(mine->executor.text) && path_is_ssh(other->executor.text) &&
				 checks_same_text(&mine->host, &other->host) &&
				 mine->ssh.port.value == other->ssh.port.value)
				what = "another node has the same host and port";
			if (!what)
				continue;
			check_fail(c, mine->at, "%s", what);
			diag_note(c->d, other->at, "the other one");
			break;
		}
}

void
check_address_literal(struct checking *c)
{
	for (size_t i = 0; i < c->spec->nnode; i++) {
		const struct word *address = &c->spec->node[i].address;

		if (address->text && !str_ip(address->text, NULL))
			check_fail(c, address->at, "'address' must be an IP address ('%s' is not one)",
				   address->text);
	}
}

void
check_address_reachable(struct checking *c)
{
	static const unsigned char zero[16], one[16] = {[15] = 1};
	unsigned char b[16];

	for (size_t i = 0; c->spec->nnode > 1 && i < c->spec->nnode; i++) {
		const struct word *address = checks_address_of(&c->spec->node[i]);
		int family = address ? str_ip(address->text, b) : 0;
		const char *how = address == &c->spec->node[i].host ? say_address : "";

		if ((family == 4 && b[0] == 127) || (family == 6 && memcmp(b, one, 16) == 0))
			check_fail(c, address->at, "'%s' is a loopback address: other nodes cannot "
				   "reach it%s", address->text, how);
		else if ((family == 4 && (b[0] == 0 || b[0] >= 224)) ||
			 (family == 6 && (memcmp(b, zero, 16) == 0 || b[0] == 0xff)))
			check_fail(c, address->at, "'%s' is not the address of a host%s", address->text,
				   how);
	}
}

void
check_unique_addresses(struct checking *c)
{
	const struct spec *s = c->spec;
	unsigned char a[16], b[16];

	for (size_t i = 1; i < s->nnode; i++) {
		const struct word *mine = checks_address_of(&s->node[i]);
		int family = mine ? str_ip(mine->text, b) : 0;

		for (size_t k = 0; family && k < i; k++) {
			const struct word *other = checks_address_of(&s->node[k]);

			if (!other || str_ip(other->text, a) != family ||
			    memcmp(a, b, family == 4 ? 4 : 16) != 0)
				continue;
			check_fail(c, mine->at, "two nodes have the address '%s'%s", mine->text,
				   mine == &s->node[i].host ? say_address : "");
			diag_note(c->d, other->at, "the first one");
			break;
		}
	}
}

static void
checks_folder(struct checking *c, const struct word *dir, const char *key)
{
	if (!dir->text)
		return;
	if (strcmp(dir->text, "/") == 0)
		check_fail(c, dir->at, "'%s' cannot be /", key);
	for (const char *s = dir->text, *end; *s; s = end + (*end == '/')) {
		end = strchrnul(s, '/');
		if (end - s <= 2 && end > s && strspn(s, ".") >= (size_t)(end - s)) {
			check_fail(c, dir->at, "'%s' must not contain '.' or '..'", key);
			return;
		}
	}
}

void
check_shared_dir(struct checking *c)
{
	checks_folder(c, &c->spec->shared_dir, "shared_dir");
	checks_folder(c, &c->spec->storage.shared, "shared");
	checks_folder(c, &c->spec->storage.local, "local");
}

void
check_storage_one(struct checking *c)
{
	const struct word *dir = &c->spec->shared_dir;
	const struct spec_storage *s = &c->spec->storage;

	if (was_given(dir) && s->at.line) {
		check_fail(c, s->at, "both 'shared_dir' and 'storage': 'shared_dir: DIR' is short for "
			   "'storage: {shared: DIR}', so keep one of them");
		diag_note(c->d, dir->at, "the shared_dir");
	} else if (was_given(&s->shared) && was_given(&s->local)) {
		check_fail(c, s->local.at, "'storage' has both 'shared' and 'local': keep 'shared' if the "
			   "nodes share that directory, else 'local'");
		diag_note(c->d, s->shared.at, "the shared one");
	} else if (s->at.line && !was_given(&s->shared) && !was_given(&s->local)) {
		check_fail(c, s->at, "'storage' needs 'shared' (a directory that all nodes share) or "
			   "'local' (one on each node's own disk)");
	}
}

void
check_parallelism_numbers(struct checking *c)
{
	const struct spec_parallelism *p = &c->spec->parallelism;
	/* `auto` is chosen after the nodes were looked at. */
	bool later = p->is_auto || p->tensor.is_auto || p->pipeline.is_auto;

	/* Not a number, or no parallelism: already reported. Later checks cannot compute. */
	if (later || p->tensor.value < 1 || p->pipeline.value < 1 || !c->clean)
		c->failed |= UINT64_C(1) << c->now;
}

void
check_layout_fits(struct checking *c)
{
	const struct spec_parallelism *p = &c->spec->parallelism;
	struct layout l = layout_of(c->spec);

	if (!c->spec->nnode || l.fits)
		return;
	check_fail(c, p->tensor.at, "tensor %lld x pipeline %lld%s takes %lld GPUs, the nodes have "
		   "%lld", p->tensor.value, p->pipeline.value, p->data.value > 1
		   ? arena_printf(c->d->arena, " x data %lld", p->data.value) : "", l.wanted, l.have);
	diag_note(c->d, c->spec->nodes_at, "%zu node%s here", c->spec->nnode,
		  c->spec->nnode == 1 ? "" : "s");
}

void
check_layout_spans(struct checking *c)
{
	const struct spec_parallelism *p = &c->spec->parallelism;
	struct layout l = layout_of(c->spec);
	long long most = 0;

	for (size_t i = 0; i < l.nodes; i++)
		if (c->spec->node[i].gpus.value > most)
			most = c->spec->node[i].gpus.value;
	if (l.spans)
		check_fail(c, p->tensor.at, "%s", layout_spans_why(c->d->arena, p->tensor.value, most));
}

void
check_layout_unused(struct checking *c)
{
	struct layout l = layout_of(c->spec);
	/* A node without 'gpus' has at least one. */
	size_t taken = l.known || (long long)l.nodes == l.wanted ? l.nodes : c->spec->nnode;
	size_t more = c->spec->nnode - taken;
	const struct spec_node *n = more ? &c->spec->node[taken] : NULL;

	if (n)
		check_fail(c, n->at, "node '%s'%s not used: tensor x pipeline%s takes %lld GPUs, which "
			   "the first %s", n->name.text ? n->name.text : "", more == 1 ? " is" :
			   arena_printf(c->d->arena, " and %zu more are", more - 1),
			   c->spec->parallelism.data.value > 1 ? " x data" : "", l.wanted, l.nodes == 1
			   ? "node has" : arena_printf(c->d->arena, "%zu nodes have", l.nodes));
}
